"""The audit log."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import Response, after_this_request, url_for
from msgspec import Meta

from appliance.audit import Noted
from appliance.users.rights import Right
from web.api.routes import api
from web.audit import service
from web.audit.service import Text


class AuditQuery(msgspec.Struct, frozen=True):
    """`who`: a login, or as it stands in the notes ("web:ada"); `what`: the kind of action ("user.remove", or "user" for all of
    them); `since` and `until`: today, 7d, 2026-11-22 or 2026-11-22T10:00, in the office's time; `before`: as the page before
    named it, or the `seq` of its last note; 0: from the newest."""

    who: Text = ""
    what: Text = ""
    since: Text = ""
    until: Text = ""
    before: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


@api.get("/audit", Right.AUDIT_VIEW, returns=list[Noted], query=AuditQuery)
def audit_log(query: AuditQuery) -> list[Noted]:
    """What people changed and listened to, newest first. Where there is more the header `Link` has the next page (rel="next"); a
    page looks at so many notes at most, so that one with a filter may be short, or empty, and still have a next."""
    page = service.read(service.Filter(**msgspec.structs.asdict(query)))
    if page.before:
        asked = msgspec.structs.asdict(query) | {"before": page.before}
        next = url_for("api.audit_log", **{name: value for name, value in asked.items() if value})

        @after_this_request
        def with_link(response: Response) -> Response:
            response.headers["Link"] = f'<{next}>; rel="next"'
            return response

    return page.notes
