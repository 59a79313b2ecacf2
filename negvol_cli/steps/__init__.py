"""The steps of ``negvol run``, one module each, in the order of the method's figure.

``calibrate_hu``, ``field_of_view``, ``localise``, ``recentre``, ``segment``, ``enhance``,
``refine_edges``, ``reconstruct``, ``process_axis``, ``landmarks``, ``inflate``,
``joint_space``, ``measure``, ``self_check``; ``pipeline`` calls them.
"""
