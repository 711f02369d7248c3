// SPDX-License-Identifier: MIT
// Interfaces and their addresses, as Java finds them; then the addresses of a name, by its own resolver.
import java.net.InterfaceAddress;
import java.net.NetworkInterface;
import java.util.Collections;
import java.util.Hashtable;
import java.util.TreeSet;
import javax.naming.directory.InitialDirContext;

class Names {
    public static void main(String[] arguments) throws Exception {
        var lines = new TreeSet<String>();
        for (NetworkInterface each : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            lines.add(each.getName() + " " + each.getIndex() + " up " + each.isUp() + " mtu "
                      + each.getMTU());
            for (InterfaceAddress address : each.getInterfaceAddresses())
                lines.add(each.getName() + " has " + address);
        }
        lines.forEach(System.out::println);
        if (arguments.length == 0)
            return;
        var environment = new Hashtable<String, String>();
        environment.put("java.naming.factory.initial", "com.sun.jndi.dns.DnsContextFactory");
        System.out.println(new InitialDirContext(environment)
                           .getAttributes(arguments[0], new String[] {"A"}));
    }
}
