<?php
// SPDX-License-Identifier: MIT
// php_client.php CERTIFICATE: asks the servers of the namespace, and prints.
$context = stream_context_create(['ssl' => ['cafile' => $argv[1]]]);
foreach (['http://192.0.2.1/page', 'http://[2001:db8::1]/page', 'http://web.example/client',
	'https://four.example/client'] as $url)
	echo file_get_contents($url, false, $context);
foreach (['tcp://web.example', 'udp://four.example'] as $host) {
	$sock = fsockopen($host, 3000);
	fwrite($sock, 'hello');
	echo fread($sock, 100), "\n";
}
echo gethostbyname('four.example'), ' ', gethostbyaddr('192.0.2.1'), "\n";
foreach ([DNS_A, DNS_AAAA, DNS_TXT, DNS_MX] as $kind) {
	foreach (dns_get_record('web.example', $kind) as $record) {
		unset($record['ttl']);
		echo json_encode($record), "\n";
	}
}
