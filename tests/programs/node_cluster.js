// SPDX-License-Identifier: MIT
// node_cluster.js PORT: two workers behind one socket, which the first process listens with. It
// hands them the connections.
const cluster = require('cluster');

if (cluster.isPrimary) {
	for (let number = 0; number < 2; number++)
		cluster.fork({NUMBER: number});
	process.on('SIGTERM', () => cluster.disconnect());
} else {
	require('http').createServer((request, response) => {
		response.end(`worker ${process.env.NUMBER} saw ${request.socket.remoteAddress}\n`);
	}).listen(Number(process.argv[2]));
	// the first process says when
	process.on('SIGTERM', () => {});
}
