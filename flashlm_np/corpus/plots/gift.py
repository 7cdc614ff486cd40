"""Somebody makes a birthday present, but one thing is missing, and its owner asks a favor.

The present decides what is missing, the missing thing decides who owns it (the hen has eggs,
the sheep has wool), and the owner decides the favor.
"""

PLOT = """
plot +
    9  Tomorrow was the birthday of {his} {elder}. [gift]
    6  It was almost {his} {elder}'s birthday. [gift]

gift
    1  "[planned] [a_fine] [gift_kind]!" said {hero} [happily]. But {he} had no {missing}. ¶ So
       {hero} [looked] [by_landmark] and met [a_nature] [owner/{missing}]. "[please], may I have
       some {missing} for my {elder}?" "[deal]," said the {owner} [kindly], "if you {favor}."
       The {trait} {who} {did_favor}, and it [took]. "[well_done]," said the {owner}, and gave
       {him} {amount}. ¶ [making], {hero} {made} the {fine} {gift_kind} [with_care]. [next_day],
       {his} {elder} {opened} the {gift_kind} and [joy]. [gift_end]

planned
    14 I will make
    10 I want to make
    7  I am going to make
    4  We need
    1  Nothing is better than

a_fine
    16 a beautiful | fine: beautiful
    12 a little | fine: little
    9  a big | fine: big
    7  a special | fine: special
    5  a fancy | fine: fancy
    4  an elegant | fine: elegant
    3  a simple | fine: simple
    2  a lovely | fine: lovely
    1  an extraordinary | fine: extraordinary

gift_kind
    18 cake | missing: eggs; amount: three fresh eggs; made: baked; opened: tasted
    14 scarf | missing: wool; amount: a ball of wool; made: knitted; opened: put on
    11 necklace | missing: beads; amount: a cup of glass beads; made: strung; opened: put on
    8  pillow | missing: feathers; amount: a sack of feathers; made: sewed; opened: hugged
    6  salad | missing: carrots; amount: a bunch of carrots; made: mixed; opened: tasted
    5  picture | missing: paint; amount: four jars of paint; made: painted; opened: looked at
    4  candle | missing: wax; amount: a lump of yellow wax; made: shaped; opened: lit
    3  pizza | missing: cheese; amount: a wheel of cheese; made: baked; opened: tasted
    2  basket | missing: reeds; amount: an armful of reeds; made: wove; opened: picked up
    1  toy ship | missing: timber; amount: a smooth plank; made: carved; opened: held up
    1  bookmark | missing: ribbon; amount: a yard of satin ribbon; made: cut out; opened:
       unwrapped

owner/eggs
    7  hen | favor: find my lost chick; did_favor: found the chick under a bucket
    3  farmer | favor: sweep the henhouse; did_favor: swept the henhouse
owner/wool
    7  sheep | favor: brush my coat; did_favor: brushed the sheep from head to tail
    3  shepherd | favor: count my lambs; did_favor: counted the lambs twice
owner/beads
    7  magpie | favor: mend my nest; did_favor: mended the nest with twigs
    3  jeweler | favor: polish my window; did_favor: polished the window
owner/feathers
    7  goose | favor: fill my trough; did_favor: filled the trough with water
    3  peddler | favor: oil my wheels; did_favor: oiled the wheels of the cart
owner/carrots
    7  mole | favor: weed my garden; did_favor: pulled up all the weeds
    3  farmer | favor: feed my cows; did_favor: fed the cows
owner/paint
    7  painter | favor: wash my brushes; did_favor: washed the brushes
    3  carpenter | favor: stack my boards; did_favor: stacked the boards
owner/wax
    7  beekeeper | favor: plant some clover; did_favor: planted clover around the hives
    3  monk | favor: ring the bell; did_favor: rang the bell of the chapel
owner/cheese
    7  goat | favor: scratch my head; did_favor: scratched the goat behind the horns
    3  milkmaid | favor: carry my pails; did_favor: carried the pails
owner/reeds
    7  duck | favor: sing to my ducklings; did_favor: sang the ducklings to sleep
    3  ferryman | favor: patch my sail; did_favor: patched the sail
owner/timber
    7  beaver | favor: help with my dam; did_favor: carried mud for the dam
    3  carpenter | favor: sharpen my saw; did_favor: sharpened the saw
owner/ribbon
    7  tailor | favor: pick up my pins; did_favor: picked up ninety pins
    3  dressmaker | favor: thread my needle; did_favor: threaded the needle

looked
    14 looked
    10 went to look
    7  searched
    5  wandered
    3  took a walk
    1  waited

please
    12 Please
    9  Good morning
    6  Good day
    4  Excuse me
    2  Forgive me
    1  Dear neighbor

deal
    12 Yes
    9  With pleasure
    6  Of course
    4  Why not
    2  Certainly
    1  Let us make a bargain

took
    14 took all morning
    11 was hard work
    8  was fun
    6  did not take long
    3  was easy
    1  made {him} hungry

well_done
    14 Thank you
    11 Well done
    8  You are a good helper
    6  Good work
    3  You have earned it
    1  A bargain is a bargain

making
    12 That evening
    9  All evening
    6  Back at home
    4  Late at night
    2  By candlelight
    1  Humming a tune

with_care
    14 with great care
    11 in secret
    8  with love
    6  as well as {he} could
    3  from start to finish
    1  without a single mistake

next_day
    14 The next day
    11 In the morning
    8  At breakfast
    5  When the sun rose
    2  At noon
    1  After a birthday song

joy
    14 smiled
    11 laughed with joy
    8  kissed {him}
    6  gave {him} a big hug
    3  clapped
    1  danced around the table

gift_end
    12 "It is perfect!" said {his} {elder}.
    9  How happy they both were!
    7  "You made this {gift_kind} yourself!" said {his} {elder}.
    5  What a wonderful birthday it was!
    3  And {hero} was the happiest of all.
    1  Giving is as sweet as getting.
"""
