# SPDX-License-Identifier: MIT
# ruby_client.rb CERTIFICATE: asks the servers of the namespace, and prints.
require 'net/http'
require 'openssl'
require 'resolv'
require 'socket'

%w[http://192.0.2.1/page http://[2001:db8::1]/page http://web.example/client
   https://web.example/client].each do |url|
  uri = URI(url)
  Net::HTTP.start(uri.hostname, uri.port, use_ssl: uri.scheme == 'https', ca_file: ARGV[0]) do |http|
    puts http.get(uri.path).body
  end
end
Socket.tcp('refused.example', 3000) do |sock|
  sock.write('hello')
  puts sock.read
end
sock = UDPSocket.new
sock.connect('four.example', 3000)
sock.send('hello', 0)
puts sock.recv(100)
# by itself, from /etc/resolv.conf
puts Resolv.getaddresses('web.example').sort
puts Resolv::DNS.open { |dns| dns.getresource('web.example', Resolv::DNS::Resource::IN::TXT).data }
