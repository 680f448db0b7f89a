"""What the demo works on: a small made fleet, and a small set of true advisories to find in it.

`advisories/` holds forty OSV records about packages that common images contain, written from public facts: which versions
have a vulnerability, and in which it is fixed. It is a sample and imported as one: it covers no package, so nothing is ever
called clean because of it.
"""
