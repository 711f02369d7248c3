// SPDX-License-Identifier: MIT
import java.net.*;

/** BothSides ADDRESS...: as both_sides.py. A DatagramSocket is bound from the start, to "::". */
public class BothSides {
	static final byte[] HELLO = "hello".getBytes();

	static void say(byte[] answer, int length) {
		System.out.println(new String(answer, 0, length).replaceAll("\\s+", " "));
	}

	public static void main(String[] args) throws Exception {
		byte[] answer = new byte[100];
		for (String host : args) {
			InetSocketAddress address = new InetSocketAddress(host, 3000);
			try (Socket socket = new Socket()) {
				socket.bind(null);
				socket.connect(address);
				socket.getOutputStream().write(HELLO);
				say(answer, socket.getInputStream().read(answer));
			}
			try (DatagramSocket socket = new DatagramSocket()) {
				DatagramPacket packet = new DatagramPacket(answer, answer.length);
				socket.setSoTimeout(20000);
				socket.send(new DatagramPacket(HELLO, HELLO.length, address));
				socket.receive(packet);
				say(answer, packet.getLength());
			}
		}
	}
}
