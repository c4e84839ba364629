"""What `appetence bench` measures, on any data, with the library as it stands."""
