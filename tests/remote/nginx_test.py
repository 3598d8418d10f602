#!/usr/bin/env python3
"""The program against nginx with TLS and real ranges, on loopback. Skipped (77) where nginx or openssl is not installed.

    nginx_test.py WEIGH TESTDATA"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

WEIGH, TESTDATA = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
CONFIG = """
daemon off;
pid {work}/nginx.pid;
error_log {work}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {work}/access.log combined;
  client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3; uwsgi_temp_path {work}/t4;
  scgi_temp_path {work}/t5;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {work}/cert.pem;
    ssl_certificate_key {work}/key.pem;
    location / {{ root {work}/www; gzip on; gzip_types *; }}
    location /whole/ {{ alias {work}/www/; max_ranges 0; }}
    location /down/ {{ return 302 http://127.0.0.1:{port}/v3.gguf; }}
  }}
}}
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port):
    for _ in range(100):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("nginx does not start")


def main():
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not nginx or not shutil.which("openssl"):
        print("nginx or openssl is not installed")
        return 77
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        os.makedirs(work + "/www")
        shutil.copytree(os.path.join(TESTDATA, "safetensors/good/sharded"), work + "/www/sharded")
        for name in ("v3.gguf", "every-element-type.gguf"):
            shutil.copy(os.path.join(TESTDATA, "gguf/good", name), work + "/www")
        with open(work + "/www/large.gguf", "wb") as file:  # its header, and a hole
            file.write(open(work + "/www/every-element-type.gguf", "rb").read())
            file.truncate(3 << 30)
        port = free_port()
        with open(work + "/nginx.conf", "w") as file:
            file.write(CONFIG.format(work=work, port=port))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", work + "/key.pem", "-out",
                        work + "/cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        server = subprocess.Popen([nginx, "-c", work + "/nginx.conf", "-e", work + "/error.log"])
        try:
            wait_for(port)
            check(work, f"https://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait()
    print("ok")
    return 0


def check(work, base):
    environment = {"PATH": os.environ["PATH"], "HOME": work, "XDG_CACHE_HOME": work + "/cache"}

    def weigh(*arguments, trusted=True):
        trust = {"SSL_CERT_FILE": work + "/cert.pem"} if trusted else {}
        return subprocess.run([WEIGH, *arguments], capture_output=True, text=True, timeout=60, env={**environment, **trust})

    def report(path, place):
        run = weigh("--json", path)
        assert run.stdout, run.stderr
        models = json.loads(run.stdout.replace(place, "PLACE"))["models"]
        assert models, run.stderr
        for model in models:
            model["name"] = None
            for fit in model["fit"]:
                fit["command"] = None
        return models

    for name in ("v3.gguf", "every-element-type.gguf", "sharded/model-00001-of-00003.safetensors",
                 "sharded/model.safetensors.index.json"):
        there = report(f"{base}/{name}", f"{base}/")
        here = report(f"{work}/www/{name}", f"{work}/www/")
        assert there == here, f"{name}: {there} {here}"
    weigh("cache", "--clear")
    run = weigh(f"{base}/v3.gguf", trusted=False)
    assert run.returncode == 1 and "not to be trusted" in run.stderr and len(run.stderr.splitlines()) == 1, run.stderr
    run = weigh("--json", f"{base}/whole/large.gguf")
    assert json.loads(run.stdout)["models"], run.stderr
    time.sleep(0.3)
    with open(work + "/access.log") as log:
        sent = sum(int(line.split('" ')[1].split()[1]) for line in log if "/whole/" in line)
    assert sent < 16 << 20, f"{sent} bytes of a file of 3 GiB were sent"
    run = weigh(f"{base}/down/")
    assert run.returncode == 1 and len(run.stderr.splitlines()) == 1, run.stderr
    run = weigh(f"{base}/down/v3.gguf")
    assert "https to http" in run.stderr, run.stderr


if __name__ == "__main__":
    sys.exit(main())
