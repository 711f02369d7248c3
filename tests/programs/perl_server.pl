# SPDX-License-Identifier: MIT
# perl_server.pl PORT: tells over TCP, from a child for each client, and over UDP, who asks
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

$SIG{CHLD} = 'IGNORE';
$SIG{TERM} = sub { exit 0 };
my %address = (LocalAddr => '127.0.0.1', LocalPort => $ARGV[0]);
my $tcp = IO::Socket::INET->new(%address, Proto => 'tcp', Listen => 16, ReuseAddr => 1) or die $@;
my $udp = IO::Socket::INET->new(%address, Proto => 'udp') or die $@;
my $both = IO::Select->new($tcp, $udp);
while (1) {
	for my $ready ($both->can_read()) {
		if ($ready == $udp) {
			$udp->recv(my $data, 2048);
			$udp->send('udp ' . $udp->peerhost() . " $data");
			next;
		}
		my $client = $tcp->accept() or next;
		if (fork() == 0) {
			print $client 'tcp ', $client->peerhost(), ' ', scalar <$client>;
			exit 0;
		}
		close $client;
	}
}
