"""The health page: does the box answer, without any right and therefore without any detail."""
