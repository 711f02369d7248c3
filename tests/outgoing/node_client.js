// SPDX-License-Identifier: MIT
// node_client.js WHAT: asks the servers of the namespace in one way, and prints.
'use strict';
const dgram = require('dgram'), dns = require('dns'), net = require('net');

const urls = ['http://192.0.2.1/page', 'http://[2001:db8::1]/page', 'http://web.example/client',
	'https://web.example/client', 'http://refused.example/client'];

const ways = {
	async fetch() {
		for (const url of urls) {
			const answer = await fetch(url);
			console.log(answer.status, await answer.text());
		}
	},
	async http() {
		for (const url of urls) {
			const get = require(url.split(':')[0]).get;
			await new Promise((done, fail) => get(url, (answer) => {
				answer.on('data', (data) => console.log(String(data)));
				answer.on('end', done);
			}).on('error', fail));
		}
	},
	async sockets() {
		for (const host of ['192.0.2.1', '2001:db8::1', 'silent.example']) {
			await new Promise((done, fail) => {
				const sock = net.connect({host, port: 3000, autoSelectFamily: true}, () => sock.write('hello'));
				sock.on('data', (data) => console.log(host, String(data), sock.remoteAddress));
				sock.on('close', done).on('error', fail);
			});
		}
		for (const [type, host] of [['udp4', 'four.example'], ['udp6', '2001:db8::1']]) {
			await new Promise((done) => {
				const sock = dgram.createSocket(type, (data) => {
					console.log(host, String(data));
					sock.close(done);
				});
				sock.send('hello', 3000, host);
			});
		}
	},
	// until it is ended
	async looping() {
		for (;;) {
			await new Promise((done) => {
				const sock = net.connect(3000, 'four.example', () => sock.write('hello'));
				sock.on('data', (data) => console.log(/hello/.test(data) ? 'good' : 'bad: wrong answer'));
				sock.on('error', (error) => console.log('bad:', error.message));
				sock.on('close', () => setTimeout(done, 10));
			});
		}
	},
	async lookup() {
		for (const options of [{}, {family: 4}, {family: 6}, {all: true}])
			console.log(await dns.promises.lookup('web.example', options));
		console.log(await dns.promises.lookupService('192.0.2.1', 80));
		await dns.promises.lookup('absent.example').catch((error) => console.log(error.code));
	},
	// by c-ares, which node brings along
	async resolve() {
		for (const kind of ['4', '6', 'Txt', 'Mx'])
			console.log(await dns.promises[`resolve${kind}`]('web.example'));
		console.log(await dns.promises.resolveSrv('_http._tcp.web.example'));
		console.log(await dns.promises.reverse('192.0.2.1'));
		await dns.promises.resolve('absent.example').catch((error) => console.log(error.code));
	},
};

ways[process.argv[2]]().catch((error) => {
	console.log(error);
	process.exit(1);
});
