"""stub"""


def front_end_states(config):
    return ()


def add_front_end(*a):
    raise NotImplementedError
