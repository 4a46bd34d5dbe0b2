"""The app's own dark and light theme; every colour that a widget may use comes from here."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="mlwf-dark",
    primary="#58b6c8",
    secondary="#9d8cf0",
    accent="#f0a858",
    success="#7cc98a",
    warning="#e3c565",
    error="#ef6f78",
    foreground="#d3dbe3",
    background="#11161d",
    surface="#11161d",
    panel="#1c242e",
    boost="#222c38",
    dark=True,
    variables={
        "text-muted": "#8796a6",  # explicit: the stock "auto 60%" is drawn as plain white inside of a line
        "text-disabled": "#5c6a79",
        "border": "#33404f",
        "border-blurred": "#2a3542",
        "block-cursor-background": "#58b6c8",
        "block-cursor-foreground": "#0b1015",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#263341",
        "block-cursor-blurred-foreground": "#d3dbe3",
        "block-hover-background": "#1c242e",
        "input-selection-background": "#58b6c8 35%",
        "scrollbar": "#2a3542",
        "scrollbar-hover": "#3b4a5a",
        "scrollbar-active": "#58b6c8",
        "scrollbar-background": "#11161d",
        "scrollbar-background-hover": "#11161d",
        "scrollbar-background-active": "#11161d",
        "scrollbar-corner-color": "#11161d",
        "footer-key-foreground": "#f0a858",
    },
)

LIGHT = Theme(
    name="mlwf-light",
    primary="#0b6e80",
    secondary="#5a48c4",
    accent="#a85400",
    success="#23773a",
    warning="#8a6100",
    error="#bf2733",
    foreground="#27303a",
    background="#fbfaf7",
    surface="#fbfaf7",
    panel="#efece5",
    boost="#e7e3da",
    dark=False,
    variables={
        "text-muted": "#6b7280",
        "text-disabled": "#a19c90",
        "border": "#c9c3b6",
        "border-blurred": "#d9d4c8",
        "block-cursor-background": "#0b6e80",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#dfe7e8",
        "block-cursor-blurred-foreground": "#27303a",
        "block-hover-background": "#efece5",
        "input-selection-background": "#0b6e80 30%",
        "scrollbar": "#d9d4c8",
        "scrollbar-hover": "#c9c3b6",
        "scrollbar-active": "#0b6e80",
        "scrollbar-background": "#fbfaf7",
        "scrollbar-background-hover": "#fbfaf7",
        "scrollbar-background-active": "#fbfaf7",
        "scrollbar-corner-color": "#fbfaf7",
        "footer-key-foreground": "#a85400",
    },
)

THEMES = (DARK, LIGHT)
