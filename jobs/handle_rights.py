"""Carry out rights requests: access, rectification, erasure, limitation, opposition.

Reads `privacy.rights_request`; writes tasks, notices, certificates, and the tables an erasure touches.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("handle_rights", description=__doc__))
