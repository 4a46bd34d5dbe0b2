"""What each person likes: the layout of the monitor, where the app was left, values of forms."""
