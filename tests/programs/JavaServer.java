// SPDX-License-Identifier: MIT
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/** JavaServer KIND PORT: an HTTP server, or one that sends what it gets, on both families. */
class JavaServer {
	private static void http(InetSocketAddress address) throws IOException {
		HttpServer server = HttpServer.create(address, 0);
		server.createContext("/", exchange -> {
			byte[] body = "java says hello\n".getBytes();
			exchange.sendResponseHeaders(200, body.length);
			exchange.getResponseBody().write(body);
			exchange.close();
		});
		server.start();
	}

	private static void blocking(InetSocketAddress address) throws IOException {
		try (ServerSocket server = new ServerSocket()) {
			server.bind(address);
			while (true) {
				try (Socket client = server.accept()) {
					byte[] bytes = new byte[2048];
					client.getOutputStream().write(bytes, 0, client.getInputStream().read(bytes));
				}
			}
		}
	}

	/** The channels are registered with the selector before they are bound. */
	private static void selecting(InetSocketAddress address) throws IOException {
		Selector selector = Selector.open();
		ServerSocketChannel server = ServerSocketChannel.open();
		server.configureBlocking(false);
		server.register(selector, SelectionKey.OP_ACCEPT);
		DatagramChannel datagrams = DatagramChannel.open();
		datagrams.configureBlocking(false);
		datagrams.register(selector, SelectionKey.OP_READ);
		selector.selectNow();
		datagrams.bind(address);
		server.bind(address);

		ByteBuffer buffer = ByteBuffer.allocate(2048);
		while (true) {
			selector.select();
			for (SelectionKey key : selector.selectedKeys()) {
				buffer.clear();
				if (key.isAcceptable()) {
					SocketChannel client = server.accept();
					client.configureBlocking(false);
					client.register(selector, SelectionKey.OP_READ);
				} else if (key.channel() == datagrams) {
					var from = datagrams.receive(buffer);
					datagrams.send(buffer.flip(), from);
				} else {
					SocketChannel client = (SocketChannel) key.channel();
					client.read(buffer);
					client.write(buffer.flip());
					client.close();
				}
			}
			selector.selectedKeys().clear();
		}
	}

	public static void main(String[] args) throws IOException {
		InetSocketAddress address = new InetSocketAddress(Integer.parseInt(args[1]));
		switch (args[0]) {
		case "http": http(address); break;
		case "blocking": blocking(address); break;
		case "selecting": selecting(address); break;
		}
	}
}
