"""What a session says of itself: its OpenAPI document, and a page for people that needs no network."""

from __future__ import annotations

import html
import json
from typing import Any

import msgspec

from mlwf_tui import __version__
from mlwf_tui.entities.model import Model

PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff", "image/gif")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a session takes at most."""

    body_bytes: int
    picture_pixels: int
    queue_images: int
    receive_s: float  # for all of a request's body to come


def describe_api(
    model: Model, url: str, limits: Limits, *, confidence: float, has_token: bool
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document; it is written by hand, since pictures come as bare bodies too."""
    predict = {
        "summary": f"Find {', '.join(model.class_names[:5])} on pictures",
        "operationId": "predict",
        "parameters": [
            {
                "name": "confidence",
                "in": "query",
                "description": "Keep objects at least this sure.",
                "schema": {"type": "number", "minimum": confidence, "maximum": 1, "default": confidence},
            }
        ],
        "requestBody": {
            "required": True,
            "description": "A picture as it is, or several as parts of a form, at most"
            f" {limits.body_bytes:,} bytes.",
            "content": {
                **{kind: {"schema": _BINARY} for kind in PICTURE_TYPES},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"images": {"type": "array", "items": _BINARY}},
                    }
                },
            },
        },
        "responses": {
            "200": _answer("What is on the pictures, in order; those of one field together.", "Predictions"),
            "400": _answer("There is no such parameter, or it or the form cannot be read.", "Error"),
            "401": _answer("The token is missing or wrong.", "Error"),
            "408": _answer(f"The body did not come within {limits.receive_s:g} seconds.", "Error"),
            "413": _answer("The body is too large.", "Error"),
            "422": _answer(
                f"A picture is none, is damaged, or has more than {limits.picture_pixels:,} pixels;"
                f" or there are more than {limits.queue_images:,}.", "Error"
            ),
            "503": _answer("Too many images wait; Retry-After says for how long.", "Error"),
        },
    }  # fmt: skip
    if has_token:
        predict["security"] = [{"token": []}]
    metrics = {
        "summary": "Counts for Prometheus",
        "operationId": "metrics",
        "responses": {
            "200": {
                "description": "Text format 0.0.4",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
        **({"security": [{"token": []}]} if has_token else {}),
    }
    health = {
        "summary": "Whether the model answers",
        "operationId": "health",
        "responses": {"200": _answer("It does.", "Health")},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": model.name,
            "version": __version__,
            "description": model.description or f"{model.architecture}, {model.task}",
        },
        "servers": [{"url": url}],
        "paths": {
            "/predict": {"post": predict},
            "/health": {"get": health},
            "/metrics": {"get": metrics},
        },
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def draw_page(document: dict[str, Any], limits: Limits, *, has_token: bool) -> str:
    """Return the description as one HTML page without scripts, fonts or pictures from anywhere."""
    info, url = document["info"], document["servers"][0]["url"]
    token = ' -H "Authorization: Bearer $TOKEN"' if has_token else ""
    examples = (
        f"curl{token} --data-binary @picture.jpg {url}/predict\n"
        f"curl{token} -F images=@a.jpg -F images=@b.png '{url}/predict?confidence=0.5'\n"
        f"curl {url}/health\ncurl{token} {url}/metrics"
    )
    rows = "".join(
        _draw_operation(f"{method.upper()} {path}", one)
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    )
    schemas = html.escape(json.dumps(document["components"]["schemas"], indent=2))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(info['title'])}</title>"
        f"<style>{_STYLE}</style><h1>{html.escape(info['title'])}</h1><p>{html.escape(info['description'])}</p>"
        f"<p>At most {limits.body_bytes:,} bytes a request, {limits.picture_pixels:,} pixels a picture.</p>"
        f"<pre>{html.escape(examples)}</pre>{rows}{_ELSEWHERE}<h2>Schemas</h2><pre>{schemas}</pre>"
        f"<p><a href=/openapi.json>openapi.json</a></p></html>"
    )


def _answer(about: str, schema: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": about, "content": {"application/json": {"schema": reference}}}


def _draw_operation(name: str, one: dict[str, Any]) -> str:
    answers = "".join(_draw_answer(status, answer) for status, answer in one["responses"].items())
    head = f"<h2><code>{html.escape(name)}</code></h2><p>{html.escape(one['summary'])}</p>"
    return f"{head}<table>{answers}</table>"


def _draw_answer(status: str, answer: dict[str, Any]) -> str:
    return f"<tr><td>{html.escape(status)}<td>{html.escape(answer['description'])}"


_ELSEWHERE = (
    "<h2>Anything else</h2><table><tr><td>404<td>There is no such path."
    "<tr><td>405<td>The path is not asked so, as with GET instead of POST.</table>"
)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}pre{overflow:auto;padding:1rem;border:1px solid #8886;border-radius:6px}"
    "td{padding-right:1.5rem;vertical-align:top}"
)
_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
_NUMBER: dict[str, Any] = {"type": "number"}
_TEXT: dict[str, Any] = {"type": "string"}
_SCHEMAS: dict[str, Any] = {
    "Object": {
        "type": "object",
        "required": ["class", "confidence", "box"],
        "properties": {
            "class": _TEXT,
            "confidence": _NUMBER,
            "box": {
                "type": "array", "items": _NUMBER, "minItems": 4, "maxItems": 4,
                "description": "left, top, right, bottom, in pixels of the picture as it is shown",
            },
            "shape": {
                "type": "object",
                "description": "of masks, keypoints and oriented boxes: points in pixels; of a mask the"
                " corners of its rectangle, and runs within it by rows, background first",
                "required": ["kind", "points"],
                "properties": {
                    "kind": _TEXT,
                    "points": {"type": "array", "items": {"type": "array", "items": _NUMBER}},
                    "runs": {"type": "array", "items": {"type": "integer"}},
                    "names": {"type": "array", "items": _TEXT},
                    "visibility": {"type": "array", "items": {"type": "integer"}},
                },
            },
        },
    },
    "Prediction": {
        "type": "object",
        "required": ["name", "objects"],
        "properties": {
            "name": {**_TEXT, "description": "of the file, where the form gave one"},
            "objects": {"type": "array", "items": {"$ref": "#/components/schemas/Object"}},
            "classes": {
                "type": "array",
                "description": "what a classifier says of the whole picture, the surest first",
                "items": {"type": "object", "properties": {"class": _TEXT, "confidence": _NUMBER}},
            },
        },
    },
    "Predictions": {
        "type": "object",
        "required": ["model", "predictions", "took_ms"],
        "properties": {
            "model": _TEXT,
            "predictions": {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}},
            "took_ms": _NUMBER,
        },
    },
    "Health": {
        "type": "object",
        "required": ["status", "model", "uptime_s"],
        "properties": {"status": {"const": "ok"}, "model": _TEXT, "uptime_s": _NUMBER},
    },
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["kind", "message", "hint"],
                "properties": {"kind": _TEXT, "message": _TEXT, "hint": _TEXT},
            }
        },
    },
}  # fmt: skip
