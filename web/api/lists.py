"""Lists of numbers, and files on their way to be lists."""

from __future__ import annotations

from typing import Annotated, Any, cast

import msgspec
from flask import Response, request, send_file, stream_with_context
from msgspec import Meta

from appliance.campaigns import taken
from appliance.errors import SwitchroomError
from appliance.users.rights import Right
from web.api.routes import api
from web.audit.service import note
from web.campaigns import lists, uploads
from web.campaigns.lists import ListPeople, ListShown
from web.campaigns.routes import MIMETYPES
from web.campaigns.uploads import UploadShown, Wish


class UploadQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`name` of the file."""

    name: Annotated[str, Meta(max_length=200)] = "list"


class Saved(msgspec.Struct, frozen=True):
    """The list as it stands now."""

    list: ListShown


@api.get("/lists", Right.CAMPAIGNS_VIEW, returns=list[ListShown])
def all_lists() -> list[ListShown]:
    """All lists that you may see."""
    return lists.all_lists()


@api.get("/lists/<number>", Right.LISTS_EDIT, returns=ListPeople)
def one_list(number: str) -> ListPeople:
    """The first people of a list; all of them as CSV."""
    return lists.people(number)


@api.get("/lists/<number>/people.csv", Right.LISTS_EDIT, returns=bytes, content="text/csv")
def list_csv(number: str) -> Response:
    """Everybody on a list who can be called. That it was taken is noted."""
    lists.one(number)
    rows = taken.begun(lists.export_rows(number))
    note("list.export", number, "csv")
    return Response(stream_with_context(taken.csv_pieces(rows)), content_type="text/csv; charset=utf-8")


@api.get("/lists/<number>/people.xlsx", Right.LISTS_EDIT, returns=bytes,
         content="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
def list_xlsx(number: str) -> Response:
    """The same as a workbook."""
    lists.one(number)
    rows = taken.begun(lists.export_rows(number))
    note("list.export", number, "xlsx")
    return send_file(taken.workbook(rows), MIMETYPES["xlsx"], as_attachment=True, download_name=f"list-{number}.xlsx")


@api.delete("/lists/<number>", Right.LISTS_EDIT)
def remove_list(number: str) -> None:
    """Refused while a scenario names it."""
    lists.remove(number)


@api.get("/lists/uploads", Right.LISTS_EDIT, returns=list[UploadShown])
def all_uploads() -> list[UploadShown]:
    """Your files that are not lists yet; each goes after a day."""
    return uploads.mine()


@api.post_file("/lists/uploads", Right.LISTS_EDIT, returns=UploadShown, query=UploadQuery)
def upload_list(query: UploadQuery) -> UploadShown:
    """A CSV or XLSX file as the body. The answer has its columns and first rows; then check it."""
    if not request.content_length:
        raise SwitchroomError("list.no-file", "There is no file.", "Send the CSV or XLSX file as the body.")
    return uploads.take(cast(Any, request.stream), query.name)


@api.get("/lists/uploads/<id>", Right.LISTS_EDIT, returns=UploadShown)
def show_upload(id: str) -> UploadShown:
    """How far the check is, and the rows that cannot be called."""
    return uploads.one(id)


@api.post("/lists/uploads/<id>/check", Right.LISTS_EDIT, returns=UploadShown, body=Wish)
def check_upload(id: str, body: Wish) -> UploadShown:
    """Read all rows, in the background: ask for the file until its state is "ready" or "failed"."""
    return uploads.check(id, body)


@api.post("/lists/uploads/<id>/save", Right.LISTS_EDIT, returns=Saved)
def save_upload(id: str) -> Saved:
    """What was checked becomes the list."""
    return Saved(lists.one(uploads.save(id)))


@api.delete("/lists/uploads/<id>", Right.LISTS_EDIT)
def drop_upload(id: str) -> None:
    """Forget a file."""
    uploads.drop(id)
