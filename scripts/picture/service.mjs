/** A small service in Python with a test of its own: what the picture shows the build of. */

/** @param {string} base reference of the base image */
export function dockerfile(base) {
  return `FROM ${base}
RUN apt-get update && apt-get install --yes --no-install-recommends python3
WORKDIR /srv
COPY server.py ./
COPY greeting.py test.py ./
RUN python3 -m unittest test.py
USER 1000
CMD ["python3", "server.py"]
`
}

/** @param {string} greeting another one is another source */
export function sources(greeting) {
  return {
    'greeting.py': `GREETING = ${JSON.stringify(greeting)}


def greet(name):
    return f'{GREETING}, {name}.'
`,
    'test.py': `import unittest

from greeting import greet


class GreetingTest(unittest.TestCase):
    def test_names_who_is_greeted(self):
        self.assertTrue(greet('Ada').endswith(', Ada.'))
`,
    'server.py': `from http.server import BaseHTTPRequestHandler, HTTPServer

from greeting import greet


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(greet(self.path[1:]).encode())


HTTPServer(('', 8080), Handler).serve_forever()
`,
  }
}
