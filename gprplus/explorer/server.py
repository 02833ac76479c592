"""The HTTP server of the page: Starlette on uvicorn, bound to 127.0.0.1."""

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import resources
from typing import TYPE_CHECKING, Any

from gprplus.core.errors import BrowseError, GprplusError, escape
from gprplus.explorer.guard import HEADERS, TOKEN, Guard
from gprplus.explorer.image_answers import parse_uid, whole_number
from gprplus.explorer.routes import CHANGES, QUESTIONS
from gprplus.explorer.workspace import Workspace

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

HOST = "127.0.0.1"
LARGEST = 64 << 20  # bytes of a request: the uids of two million images
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def build_app(space: Workspace, guard: Guard) -> "Starlette":
    """Return the application of one workspace."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, RedirectResponse, Response
    from starlette.routing import Route

    async def guarded(request: Request, answer: Any) -> Response:
        refused = guard.refusal(request.method, request.headers)
        if refused:
            return PlainTextResponse(refused, 403, HEADERS)
        if request.url.path == "/" and TOKEN in request.query_params:
            if not guard.holds(request.query_params[TOKEN]):
                return PlainTextResponse("The token is not that of this server.", 403, HEADERS)
            # The address without the token: it stays out of the history and of screenshots.
            response: Response = RedirectResponse("/", 303, HEADERS)
            response.set_cookie(guard.cookie, guard.token, httponly=True, samesite="strict")
            return response
        if not guard.holds(request.cookies.get(guard.cookie)):
            return PlainTextResponse(
                "Open the address that `gprplus browse` printed: it has the token.", 403, HEADERS
            )
        response = await answer(request)
        response.headers.update({**HEADERS, **_cache(request.url.path, response.status_code)})
        return response

    def answered(make: Callable[[], Any]) -> Response:
        try:
            found = make()
        except GprplusError as problem:
            return Response(_json({"error": str(problem)}), 400, media_type="application/json")
        return Response(_json(found), media_type="application/json")

    def question(request: Request) -> Response:
        ask = QUESTIONS.get(request.path_params["name"])
        if ask is None:
            return PlainTextResponse("There is no such question.", 404)
        return answered(lambda: ask(space, request.query_params))

    async def change(request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool

        act = CHANGES.get(request.path_params["name"])
        if act is None:
            return PlainTextResponse("There is no such change.", 404)
        body = await _body(request)
        return await run_in_threadpool(answered, lambda: act(space, _object(body)))

    def picture(request: Request) -> Response:
        try:
            kind, data = _picture(space, request.path_params, request.query_params)
        except GprplusError as problem:
            return PlainTextResponse(escape(str(problem)), 404)
        return Response(data, media_type=kind)

    def page(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        data, kind = page_file(name)
        return Response(data, 200 if data else 404, media_type=kind)

    routes = [
        Route("/", page),
        Route("/page/{name}", page),
        Route("/api/{name}", question),
        Route("/change/{name}", change, methods=["POST"]),
        Route("/image/{source}/{uid}", picture),
    ]
    return Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=guarded)])


def page_file(name: str) -> tuple[bytes, str]:
    """Return a file of the page and its media type; nothing for a name that it does not have."""
    files = {one.name: one for one in (resources.files("gprplus.explorer") / "page").iterdir()}
    kind = _TYPES.get(name[name.rfind(".") :], "text/plain")
    return (files[name].read_bytes(), kind) if name in files else (b"", "text/plain")


def _cache(path: str, status: int) -> dict[str, str]:
    """Return how long a browser keeps an answer: images for the session, all else not at all, so
    that an image that could not be read once is requested again."""
    kept = path.startswith("/image/") and status == 200
    return {"cache-control": "private, max-age=3600" if kept else "no-store"}


def _picture(
    space: Workspace, place: Mapping[str, str], given: Mapping[str, str]
) -> tuple[str, bytes]:
    pictures = space.manifest(place["source"]).pictures
    uid, height = parse_uid(place["uid"]), whole_number(given, "h", 0)
    return ("image/jpeg", pictures.thumbnail(uid, height)) if height else pictures.whole(uid)


async def _body(request: "Request") -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            return b""
        parts.append(part)
    return b"".join(parts)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BrowseError("A change is a JSON object of at most 64 MB.")
    return found


def _json(value: Any) -> bytes:
    """Return JSON of Python's and NumPy's values; numbers that are none become null."""
    return json.dumps(_plain(value), ensure_ascii=False, default=str).encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def require_server() -> None:
    """Raise BrowseError if the packages of the server are not installed."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise BrowseError(
            f"The page needs the package '{error.name}'. Install it with: pip install"
            " 'gprplus[explore]'"
        ) from error


def open_socket(port: int | None) -> socket.socket:
    """Return a listening socket on 127.0.0.1; without a port, one that is free. Raises
    BrowseError."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port or 0))
        listening.listen()
    except OSError as error:
        listening.close()
        raise BrowseError(
            f"Port {port} of {HOST} cannot be used: {error.strerror}. Give another --port, or none"
            " for a free one."
        ) from error
    return listening


def serve(space: Workspace, guard: Guard, listening: socket.socket) -> None:
    """Answer requests until Ctrl-C."""
    import uvicorn

    config = uvicorn.Config(
        build_app(space, guard),
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    # uvicorn raises Ctrl-C again once it has closed its connections.
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
