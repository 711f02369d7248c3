// SPDX-License-Identifier: MIT
// asio_server PORT: echoes lines over TCP and datagrams over UDP; or --version, for Boost's.
// Boost.Asio puts a socket into its epoll set when it is opened, before bind(2), edge-triggered.
#include <boost/asio.hpp>
#include <boost/version.hpp>
#include <cstdlib>
#include <iostream>
#include <istream>
#include <string>

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;

static void echo_lines(tcp::socket socket)
{
	asio::streambuf buffer;
	boost::system::error_code error;
	asio::read_until(socket, buffer, '\n', error);
	if (!error)
		asio::write(socket, buffer, error);
}

static void accept_next(tcp::acceptor &acceptor)
{
	acceptor.async_accept([&](boost::system::error_code error, tcp::socket socket) {
		if (error)
			return;
		echo_lines(std::move(socket));
		accept_next(acceptor);
	});
}

struct datagrams {
	udp::socket socket;
	udp::endpoint from;
	char bytes[2048];

	void receive_next()
	{
		socket.async_receive_from(asio::buffer(bytes), from,
			[this](boost::system::error_code error, std::size_t size) {
				if (error)
					return;
				socket.send_to(asio::buffer(bytes, size), from);
				receive_next();
			});
	}
};

int main(int, char **argv)
{
	auto port = static_cast<unsigned short>(std::atoi(argv[1]));
	asio::io_context context;

	if (port == 0) {
		std::cout << BOOST_LIB_VERSION << '\n';
		return 0;
	}
	// opened first, and waited on by the reactor from then on
	tcp::acceptor acceptor(context);
	acceptor.open(tcp::v6());
	acceptor.set_option(tcp::acceptor::reuse_address(true));
	acceptor.bind(tcp::endpoint(tcp::v6(), port));
	acceptor.listen();
	accept_next(acceptor);

	datagrams udp_server{udp::socket(context), {}, {}};
	udp_server.socket.open(udp::v4());
	udp_server.receive_next();
	udp_server.socket.bind(udp::endpoint(udp::v4(), port));

	asio::signal_set signals(context, SIGTERM);
	signals.async_wait([&](boost::system::error_code, int) { context.stop(); });
	context.run();
}
