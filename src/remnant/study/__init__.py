"""A study is a folder: storage, audit, what is out of date."""
