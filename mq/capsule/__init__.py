"""The capsule: one file with a time range of many topics, to be looked at where there is no broker.

::

    head   block about   block   block …   block index   end

Blocks hold frames as they stand in the journal, topic by topic, or say what is not there and why. Each says where it
stands and to which capsule it belongs, so that nothing within a record can be taken for one. The index at the end is
what the blocks say, told once more: where one of the two is damaged the other still leads to every frame. All of it,
byte by byte, is in ``docs/capsule.md``.
"""
