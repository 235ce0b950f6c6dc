"""Networks of other libraries as backbones."""
