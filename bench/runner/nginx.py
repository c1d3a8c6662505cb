# SPDX-License-Identifier: MIT
"""nginx with its best settings, its configuration in a folder of its own.

tcp_nopush joins head and file in one segment and helps small files; with a file of 1 MiB on loopback it costs nginx four
times the processor time, so that it is off there.
"""
import os

CONFIG = """\
daemon off;
{user}
worker_processes {procs};
worker_rlimit_nofile 20000;
pid {here}/nginx.pid;
error_log {here}/error.log crit;
events {{
	worker_connections 16384;
	multi_accept on;
}}
http {{
	access_log off;
	default_type application/octet-stream;
	sendfile on;
	sendfile_max_chunk 2m;
	tcp_nopush on;
	tcp_nodelay on;
	keepalive_timeout 65;
	keepalive_requests 1000000000;
	reset_timedout_connection on;
	{cache}
	client_body_temp_path {here}/body;
	proxy_temp_path {here}/proxy;
	fastcgi_temp_path {here}/fastcgi;
	uwsgi_temp_path {here}/uwsgi;
	scgi_temp_path {here}/scgi;
	server {{
		listen 127.0.0.1:{port} backlog=4096;
		root {folder};
		location = /1m.bin {{
			tcp_nopush off;
		}}
		location = /hello {{
			default_type text/plain;
			return 200 "Hello, World!\\n";
		}}
	}}
}}
"""


def command(program, port, folder, procs, cached):
    here = os.path.join(os.path.dirname(folder), "nginx")
    os.makedirs(here, exist_ok=True)
    with open(os.path.join(here, "nginx.conf"), "w") as f:
        f.write(CONFIG.format(
            here=here, folder=folder, procs=procs, port=port,
            user="user root;" if os.geteuid() == 0 else "",  # the folder is this user's alone
            cache="open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;" if cached else ""))
    return [program, "-e", os.path.join(here, "error.log"), "-p", here, "-c", os.path.join(here, "nginx.conf")]
