# SPDX-License-Identifier: MIT
"""nginx as tests start it: in the foreground, with all its files in a directory of theirs."""

_CONFIGURATION = '''
daemon off;
user root root;
pid {directory}/pid;
error_log stderr;
{main}
events {{ }}
http {{
    access_log {log};
    client_body_temp_path {directory}/temp;
    proxy_temp_path {directory}/temp;
    fastcgi_temp_path {directory}/temp;
    uwsgi_temp_path {directory}/temp;
    scgi_temp_path {directory}/temp;
{http}
}}
'''


def configuration(directory, http, main='master_process off;', log='off'):
    """With these lines in the section http, and these outside of all; log: of requests, a path."""
    return _CONFIGURATION.format(directory=directory, http=http, main=main, log=log)
