// SPDX-License-Identifier: MIT
// both_sides.js ADDRESS...: as both_sides.py. libuv binds datagram sockets by itself.
'use strict';
const dgram = require('dgram'), net = require('net');

async function ask(host) {
	await new Promise((done, fail) => {
		const sock = net.connect({host, port: 3000, localAddress: '0.0.0.0'}, () => sock.write('hello'));
		sock.on('data', (data) => console.log(JSON.stringify(String(data))) || sock.destroy());
		sock.on('close', done).on('error', fail);
	});
	await new Promise((done) => {
		const sock = dgram.createSocket('udp4', (data) => console.log(JSON.stringify(String(data))) || sock.close(done));
		sock.send('hello', 3000, host);
	});
}

(async () => {
	for (const host of process.argv.slice(2))
		await ask(host);
})().catch((error) => {
	console.log(error);
	process.exit(1);
});
