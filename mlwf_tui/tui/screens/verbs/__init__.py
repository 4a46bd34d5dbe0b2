"""What each verb asks a person, hands to the workflow, and says when it is done: a module a group."""
