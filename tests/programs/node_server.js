// SPDX-License-Identifier: MIT
// node_server.js PORT: an HTTP server on both families, as every example of it.
const server = require('http').createServer((request, response) => {
	response.end(`node saw ${request.socket.remoteAddress}\n`);
});
server.listen(Number(process.argv[2]));
process.on('SIGTERM', () => server.close());
