"""Who writes: renders the conversation templates of a pack into rows that a model can be trained on.

Follow one row: `pack` reads what an author wrote, `lint` proves it sound, `schedule` deals the rows out over flows
and splits, `planner` throws the dice (what happens, without words), `renderer` finds the words, `noise` types them
as people do, `toolbox` answers the tool calls, `writer` publishes the dataset in one step.

    python -m datagen --help
"""
