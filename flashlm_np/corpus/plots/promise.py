"""A promise is made and forgotten, and what was foretold comes true.

The warning is given once, with its reason; the temptation, the deed, the consequence, the
rescue and the confession all follow from it.
"""

PLOT = """
plot +
    9  One day, {hero} wanted to play with [a_look] [toy] [by_landmark]. [promise]
    6  One morning, {his} {elder} sent {hero} to [get] [goods] from [seller]. [promise]

promise
    1  "[do_not] [ban], or {threat}," said {his} {elder} [firmly]. "[i_promise]," said the
       {trait} {who}. ¶ [soon] {hero} saw {lure}. "[excuse]," {he} [thought], and {deed}.
       [all_at_once], {result}. "[help]" [cried] {hero}. ¶ [luckily], [a_nature]
       [rescuer/{peril}] [heard] and {rescue}. "[scold]," said the {rescuer} [kindly]. At home,
       {he} told {his} {elder} [sadly], "I broke my promise, and {told}." [promise_end]

get
    12 get
    9  buy
    6  fetch
    3  bring
    1  collect

goods
    16 flour
    13 milk
    10 eggs
    8  butter
    6  salt
    5  sugar
    4  candles
    3  yarn
    2  nails
    1  cinnamon

seller
    14 a neighbor
    11 the market
    8  the farm
    6  the mill
    3  a cousin
    1  the shopkeeper

soon
    14 Soon
    10 Before long,
    7  On the way,
    5  Not far away,
    2  After a few steps,
    1  Around the corner,

do_not
    14 Do not
    10 You must not
    8  Promise not to
    6  Please do not
    4  Never
    1  Whatever happens, do not

firmly
    14 firmly
    10 gravely
    7  again and again
    4  in a serious voice
    2  sternly
    1  with a raised finger

i_promise
    14 I promise
    10 I will be good
    7  You can trust me
    5  I will remember
    3  Of course not
    1  I give you my word

ban
    18 go near the beehive | peril: bees; threat: the bees will chase you; lure: honey dripping
       from the hive; deed: poked it with a stick; result: the bees came out and chased {him};
       told: the bees chased me
    14 leave the path | peril: lost; threat: you will get lost; lure: a bright butterfly; deed:
       ran after it, far from the path; result: {he} was lost among the trees; told: I got lost
    11 walk in the swamp | peril: swamp; threat: you will sink into the mud; lure: a white water
       lily; deed: stepped in to pick it; result: {he} sank into the mud; told: I sank into the
       mud
    8  tease the geese | peril: geese; threat: the geese will bite you; lure: a goose with a
       long neck; deed: pulled its tail; result: the geese bit {him}; told: the geese bit me
    6  climb the old wall | peril: wall; threat: the stones will fall; lure: ripe cherries
       behind the old wall; deed: climbed up; result: the stones fell and trapped {his} foot;
       told: the stones fell
    5  open the gate | peril: gate; threat: the sheep will run away; lure: a lamb that wanted to
       play; deed: opened the gate; result: the sheep ran away; told: the sheep ran away
    4  eat the purple berries | peril: berries; threat: your tummy will hurt; lure: purple
       berries as fat as grapes; deed: ate a handful; result: {his} tummy hurt; told: my tummy
       hurt
    3  untie the boat | peril: boat; threat: the river will carry you off; lure: the boat
       bobbing up and down; deed: jumped in to untie the rope; result: the river carried {him}
       off; told: the river carried me off
    2  enter the cave | peril: cave; threat: you will not find the way out; lure: something
       sparkling in the cave; deed: walked in, deeper and deeper; result: {he} could not find
       the way out; told: I could not find the way out
    1  touch the nettles | peril: nettles; threat: they will sting you; lure: a caterpillar on a
       nettle; deed: tried to stroke it; result: the nettles stung {him}; told: the nettles
       stung me

rescuer/bees
    6  beekeeper | rescue: calmed the bees with smoke
    3  gardener | rescue: hid {him} in the shed
rescuer/lost
    6  owl | rescue: flew ahead to show {him} the way
    3  deer | rescue: led {him} back to the path
rescuer/swamp
    6  horse | rescue: pulled {him} out with a rope
    3  ox | rescue: pushed a log under {his} feet
rescuer/geese
    6  shepherd | rescue: drove the geese away
    3  sheepdog | rescue: barked until the geese flapped off
rescuer/wall
    6  mason | rescue: lifted the stones one by one
    3  donkey | rescue: kicked the stones aside
rescuer/gate
    6  sheepdog | rescue: brought all the sheep back
    3  shepherd | rescue: called the sheep with a horn
rescuer/berries
    6  goat | rescue: gave {him} mint leaves to chew
    3  doctor | rescue: gave {him} bitter medicine
rescuer/boat
    6  fisherman | rescue: pulled the boat ashore with a hook
    3  otter | rescue: towed the boat ashore
rescuer/cave
    6  bat | rescue: led {him} out through the dark
    3  miner | rescue: brought {him} out with a lamp
rescuer/nettles
    6  toad | rescue: cooled the stings with wet moss
    3  snail | rescue: showed {him} a leaf that soothes stings

excuse
    14 Only this once
    11 Nobody will know
    8  It cannot be that bad
    6  Just for a minute
    4  Why should I not
    2  I am old enough
    1  I will be very quick

thought
    12 thought
    8  said
    5  whispered
    2  murmured
    1  told the wind

all_at_once
    14 At once
    11 All at once
    8  Suddenly
    6  A moment later
    4  In an instant
    1  Before {he} could blink

help
    12 Help!
    9  Oh no!
    6  Help me!
    4  What have I done?
    2  I want to go home!
    1  Somebody, please!

luckily
    14 Luckily
    10 By good luck
    7  Just in time
    4  Fortunately
    2  Thank goodness
    1  As luck would have it

heard
    12 heard {him}
    9  saw it
    6  came running
    4  was not far away
    1  knew just what to do

scold
    14 You should have listened
    11 That was not wise
    8  Be more careful
    6  Keep your word next time
    3  Let this be a lesson
    1  A promise is not a toy

promise_end
    12 "I forgive you," said {his} {elder}.
    9  From then on, {hero} kept {his} promises.
    7  At that, {his} {elder} hugged {him}.
    5  "I am glad that you are safe," said {his} {elder}.
    3  Never again did {hero} break a promise.
    1  With a sigh, {his} {elder} made some tea.
"""
