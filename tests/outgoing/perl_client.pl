# SPDX-License-Identifier: MIT
# perl_client.pl: asks the servers of the namespace, and prints.
use strict;
use warnings;
use HTTP::Tiny;
use IO::Socket::INET;
use IO::Socket::IP;
use LWP::UserAgent;
use Socket qw(inet_aton inet_ntoa AF_INET);

my $agent = LWP::UserAgent->new;
for my $url ('http://192.0.2.1/page', 'http://[2001:db8::1]/page', 'http://web.example/client',
	'http://refused.example/client') {
	my $answer = $agent->get($url);
	print 'LWP: ', $answer->code, ' ', $answer->content;
}
print 'HTTP::Tiny: ', HTTP::Tiny->new->get('http://web.example/client')->{content};
for my $kind ('IO::Socket::INET', 'IO::Socket::IP') {
	for my $proto ('tcp', 'udp') {
		my $sock = $kind->new(PeerHost => 'four.example', PeerPort => 3000, Proto => $proto) or die $@;
		$sock->send('hello');
		$sock->recv(my $answer, 100);
		print "$kind $proto: $answer\n";
	}
}
my ($name, undef, undef, undef, @addresses) = gethostbyname('four.example');
print "$name: ", join(' ', map { inet_ntoa($_) } @addresses), "\n";
print scalar(gethostbyaddr(inet_aton('192.0.2.1'), AF_INET)), "\n";
print defined(gethostbyname('absent.example')) ? "there\n" : "absent\n";
