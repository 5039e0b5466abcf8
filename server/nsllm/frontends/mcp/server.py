"""The MCP server: the SDK's requests decoded, carried out, and what went wrong told in words."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import mcp_types as types
import msgspec
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS

from nsllm import __version__
from nsllm.errors import NsllmError, UsageError
from nsllm.frontends.http.problems import RequestRefused
from nsllm.frontends.mcp.calls import Call, Context, Report, RequestContext, client_of, to_the_end
from nsllm.frontends.mcp.contracts import schema_of
from nsllm.frontends.mcp.resources import TEMPLATES, Resources
from nsllm.frontends.mcp.tools import TOOLS, Tool

logger = logging.getLogger("nsllm.mcp")

_T = TypeVar("_T")

_INSTRUCTIONS = (
    "NS-LLM answers from the user's own documents, on the user's own machine, and judges what was "
    "written. Use `ask` for questions about these documents, `search` to read the passages "
    "yourself, and `check` before you present as fact what you wrote about them. Tell the user "
    "the verdict where it is not `pass`, and cite sources by path and lines."
)


def build(context: Context) -> "Server[dict[str, Any]]":
    """Return the server; it holds nothing of a connection, so one may serve several."""
    tools = {tool.name: tool for tool in TOOLS}
    listed = types.ListToolsResult(tools=[_describe(tool) for tool in TOOLS])
    resources = Resources(context.service)

    async def list_tools(
        _request: RequestContext, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return listed

    async def call_tool(
        request: RequestContext, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool = tools.get(params.name)
        if tool is None:
            names = ", ".join(tools)
            raise MCPError(INVALID_PARAMS, f"There is no tool {params.name}. There are {names}.")
        return await to_the_end(_carry_out(tool, context, request, params.arguments or {}))

    async def list_resources(
        request: RequestContext, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        cursor = params.cursor if params else None
        page = await _told(lambda: resources.page(cursor, client_of(request)))
        return types.ListResourcesResult(resources=page[0], next_cursor=page[1])

    async def list_templates(
        _request: RequestContext, _params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(resource_templates=TEMPLATES)

    async def read_resource(
        request: RequestContext, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        uri = str(params.uri)
        contents = await _told(lambda: resources.read(uri, client_of(request)))
        return types.ReadResourceResult(contents=list(contents))

    return Server(
        "nsllm",
        version=__version__,
        title="NS-LLM",
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )


def _describe(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=schema_of(tool.takes),
        output_schema=schema_of(tool.returns),
        annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )


async def _carry_out(
    tool: Tool, context: Context, request: RequestContext, arguments: dict[str, Any]
) -> types.CallToolResult:
    """Call a tool; what goes wrong is a result, which the model can read and act on."""
    try:
        body = _decode(tool, arguments)
        call = Call(
            context=context, client=client_of(request), body=body, report=_reporter(request)
        )
        result, text = await tool.handler(call)
    except NsllmError as error:
        return _failure(error)
    except Exception as error:
        logger.exception("A call of %s failed.", tool.name)
        return _failure(_crash(error))
    return types.CallToolResult(
        content=[types.TextContent(text=text)], structured_content=msgspec.to_builtins(result)
    )


def _decode(tool: Tool, arguments: dict[str, Any]) -> Any:
    try:
        return msgspec.convert(arguments, tool.takes)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at `$")
        key = where.rstrip("`").lstrip(".")
        message = f"`{key}`: {text[:1].lower()}{text[1:]}." if key else f"{text}."
        raise UsageError(message, hint="`tools/list` describes what the tool takes.") from error


def _reporter(request: RequestContext) -> Report:
    async def report(progress: float, message: str) -> None:
        await request.session.report_progress(progress, message=message)

    return report


def _failure(error: NsllmError) -> types.CallToolResult:
    return types.CallToolResult.model_validate(
        {
            "content": [{"type": "text", "text": str(error)}],
            "isError": True,
            "_meta": {"nsllm/error": _details(error)},
        }
    )


def _crash(error: Exception) -> NsllmError:
    return NsllmError(
        f"Something went wrong inside NS-LLM ({type(error).__name__}).",
        hint="This is a bug. The server's log (stderr) has the details; please report them.",
    )


def _details(error: NsllmError) -> dict[str, object]:
    code = error.refusal if isinstance(error, RequestRefused) else error.code
    return {"code": code, "message": error.message, "hint": error.hint, **error.details}


async def _told(work: Callable[[], Awaitable[_T]]) -> _T:
    """Await work whose failures are the protocol's: reading has no other way to tell them."""
    try:
        return await work()
    except NsllmError as error:
        code = INVALID_PARAMS if isinstance(error, UsageError) else INTERNAL_ERROR
        raise MCPError(code, str(error), _details(error)) from error
    except Exception as error:
        logger.exception("Reading a resource failed.")
        told = _crash(error)
        raise MCPError(INTERNAL_ERROR, str(told), _details(told)) from error
