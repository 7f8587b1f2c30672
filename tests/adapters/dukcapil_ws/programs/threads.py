"""As an office's script asks: urllib, five threads, no retry, no timeout. Arguments: URL, then calls as JSON lines."""

import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor

url, calls = sys.argv[1], sys.stdin.read().splitlines()


def ask(call: str) -> str:
    """One call's answer."""
    with urllib.request.urlopen(url, call.encode()) as answer:  # its own default: a form's content type around JSON
        return str(answer.read().decode())


with ThreadPoolExecutor(5) as pool:
    sys.stdout.write("\n".join(pool.map(ask, calls)))
