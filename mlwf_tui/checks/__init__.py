"""Rules of what is wrong or suspicious in labelled images: pure, from items to findings and back."""
