# SPDX-License-Identifier: MIT
"""What there is in the namespace: addresses, names, ports."""

IPV4, IPV6 = '192.0.2.1', '2001:db8::1'
NAME_SERVER = '192.0.2.53'
NOBODY = '2001:db8::2'  # an address of the namespace where nobody listens
SILENT = '2001:db8:dead::1'  # one from where nothing ever comes back
NAMES = {
    'web.example': [IPV4, IPV6], 'four.example': [IPV4], 'six.example': [IPV6],
    'refused.example': [NOBODY, IPV4], 'silent.example': [SILENT, IPV4],
}
TEXT = 'words of the namespace'
RECORDS = [f'--txt-record=web.example,{TEXT}', '--mx-host=web.example,four.example,10',
           '--srv-host=_http._tcp.web.example,web.example,80,1,2']
# where somebody listens inside, and so the ears do outside
TCP = (22, 53, 80, 443, 512, 514, 873, 3000, 9418)
UDP = (53, 443, 3000, 5353)
