"""An embedded Postgres: a real server over a wheel's binaries, started when somebody needs it and stopped by the last to leave.

`binaries` finds them and, for root, puts them where an unprivileged account can run them; `account` says which account that
is; `directory` makes and reads the data directory; `server` starts, shares and stops. No client library is needed: whoever
uses a server brings a probe that asks it for its identity.
"""

from catalog.postgres.server import Probe, ServerAddress, running_server

__all__ = ["Probe", "ServerAddress", "running_server"]
