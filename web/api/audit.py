"""The audit log."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from appliance import audit
from appliance.audit import Noted
from appliance.users.rights import Right
from web.api.routes import api
from web.app import services


class AuditQuery(msgspec.Struct, frozen=True):
    """`before`: the `seq` of the last note of the page before; 0: from the newest."""

    before: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


@api.get("/audit", Right.AUDIT_VIEW, returns=list[Noted], query=AuditQuery)
def audit_log(query: AuditQuery) -> list[Noted]:
    """What people changed and listened to, newest first."""
    return audit.read(services().data, query.before, query.limit)
