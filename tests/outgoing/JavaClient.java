// SPDX-License-Identifier: MIT
// JavaClient: asks the servers of the namespace in each way that Java has, and prints what came.
import java.io.FileInputStream;
import java.net.*;
import java.net.http.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.*;
import javax.net.ssl.*;

/** JavaClient CERTIFICATE WAY...: asks the servers of the namespace in some ways, and prints. */
public class JavaClient {
	static final String[] URLS = {"http://192.0.2.1/page", "http://[2001:db8::1]/page",
		"http://web.example/client", "https://web.example/client"};

	static SSLContext trusting(String certificate) throws Exception {
		KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
		store.load(null);
		try (FileInputStream file = new FileInputStream(certificate)) {
			store.setCertificateEntry("it",
				CertificateFactory.getInstance("X.509").generateCertificate(file));
		}
		TrustManagerFactory factory =
			TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
		factory.init(store);
		SSLContext context = SSLContext.getInstance("TLS");
		context.init(null, factory.getTrustManagers(), null);
		return context;
	}

	static void http(String certificate) throws Exception {
		HttpClient client = HttpClient.newBuilder().sslContext(trusting(certificate)).build();
		for (String url : URLS) {
			HttpResponse<String> answer = client.send(HttpRequest.newBuilder(URI.create(url)).build(),
				HttpResponse.BodyHandlers.ofString());
			System.out.print(answer.statusCode() + " " + answer.version() + " " + answer.body());
		}
	}

	static String ask(ByteChannel channel) throws Exception {
		ByteBuffer buffer = ByteBuffer.allocate(100);
		channel.write(ByteBuffer.wrap("hello".getBytes()));
		int n = channel.read(buffer);
		return new String(buffer.array(), 0, n);
	}

	static void sockets() throws Exception {
		for (String host : new String[] {"192.0.2.1", "2001:db8::1", "four.example"}) {
			SocketAddress address = new InetSocketAddress(host, 3000);
			try (SocketChannel channel = SocketChannel.open(); Selector selector = Selector.open()) {
				channel.configureBlocking(false);
				channel.register(selector, SelectionKey.OP_CONNECT);
				if (!channel.connect(address)) {
					selector.select();
					channel.finishConnect();
				}
				channel.keyFor(selector).cancel();
				selector.selectNow();
				channel.configureBlocking(true);
				System.out.println(ask(channel) + " " + channel.getRemoteAddress());
			}
			try (DatagramChannel channel = DatagramChannel.open()) {
				channel.connect(address);
				System.out.println(ask(channel));
			}
			try (Socket socket = new Socket(host, 3000)) {
				socket.getOutputStream().write("hello".getBytes());
				System.out.println(new String(socket.getInputStream().readAllBytes()));
			}
		}
	}

	static void names() throws Exception {
		for (String name : new String[] {"web.example", "six.example", "localhost"}) {
			InetAddress[] addresses = InetAddress.getAllByName(name);
			System.out.println(Arrays.toString(addresses));
		}
		System.out.println(InetAddress.getByName("192.0.2.1").getCanonicalHostName());
		try {
			InetAddress.getByName("absent.example");
		} catch (UnknownHostException error) {
			System.out.println(error.getMessage());
		}
	}

	public static void main(String[] args) throws Exception {
		http(args[0]);
		sockets();
		names();
	}
}
