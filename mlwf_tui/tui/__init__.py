"""The app: a keyboard-driven face over the workflow; app → screens → widgets, never the other way."""
