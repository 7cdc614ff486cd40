"""A toy is lost where its owner cannot reach; the right helper can.

The toy decides how it is lost (a kite flies, a ball rolls), that decides the spot, the spot
decides which animals can help, and the animal decides how it helps.
"""

PLOT = """
plot +
    12 Wherever {he} went, {hero} took [a_look] [toy] along. [lost]
    7  Of all {his} things, {hero} loved [a_look] [toy] the most. [lost]

lost
    1  [day], {he} was {using} the {toy} [play_at/{fate}] when [loss/{fate}]. The {trait} {who}
       [try/{spot}], but [no_use]. ¶ [just_then], [a_nature] [helper/{spot}] [came_by]. "[ask]"
       asked the {helper} [kindly]. "My {look} {toy} is {where}," said {hero} [sadly].
       "[comfort]," said the {helper}, and [quickly] it [deed/{helper}]. ¶ "[thanks]!" [cried]
       {hero} [happily], and {he} gave the {helper} [snack]. [lost_end]

toy
    20 ball | using: bouncing; fate: roll
    16 kite | using: flying; fate: fly
    11 boat | using: sailing; fate: float
    8  hat | using: wearing; fate: fly
    6  drum | using: beating; fate: roll
    5  bell | using: ringing; fate: sink
    4  whistle | using: blowing; fate: sink
    3  hoop | using: rolling; fate: roll
    3  scarf | using: wearing; fate: fly
    2  marble | using: playing with; fate: roll
    2  paper bird | using: playing with; fate: fly
    1  trumpet | using: blowing; fate: sink
    1  feather | using: waving; fate: fly

play_at/fly
    1  [by_landmark]
play_at/roll
    1  [by_landmark]
play_at/float
    1  on the [calm] [water]
play_at/sink
    1  by the [calm] [water]
water
    6  pond
    5  river
    4  lake
    1  canal
calm
    8  calm
    6  deep
    5  cold
    4  clear
    3  sparkling
    2  wide
    1  muddy

loss/fly
    5  the wind blew it into [a_tree] | spot: high; where: stuck in the {tree}
    3  the wind carried it onto the roof | spot: high; where: up on the roof
a_tree
    7  an oak | tree: oak
    5  a tall pine | tree: pine
    3  a pear tree | tree: pear tree
    1  a willow | tree: willow
loss/roll
    5  it rolled into a deep hole | spot: deep; where: down in that hole
    3  it rolled into a thorn bush | spot: thorns; where: in the thorns
    2  it rolled under a heavy log | spot: heavy; where: under the log
loss/float
    4  it drifted too far away | spot: water; where: in the middle of the {water}
    2  a wave pushed it away | spot: water; where: out on the {water}
loss/sink
    4  it fell into the water | spot: water; where: at the bottom of the {water}
    2  it slipped and sank | spot: water; where: deep in the {water}

try/high
    6  jumped as high as {he} could
    3  tried to climb up
    1  stretched up on tiptoe
try/deep
    6  reached down as far as {he} could
    3  poked around with a stick
    1  lowered a piece of string
try/thorns
    6  tried to crawl in
    3  pulled at the branches
    1  shook the whole bush
try/heavy
    6  pushed with all {his} might
    3  tried to lift it
    1  leaned against it and groaned
try/water
    6  waded in up to {his} knees
    3  reached out with a long stick
    1  threw pebbles to make waves

no_use
    9  could not get it back
    6  it was no use
    4  nothing helped
    1  the {toy} did not budge

helper/high
    9  squirrel
    6  crow
    4  owl
    1  woodpecker
helper/deep
    9  mole
    5  badger
    2  lizard
helper/thorns
    9  hedgehog
    5  goat
    2  tortoise
helper/heavy
    9  donkey
    5  horse
    2  ox
helper/water
    9  duck
    6  otter
    4  frog
    1  beaver

deed/squirrel
    5  ran up and pushed the {toy} down
    3  climbed up and shook the {toy} loose
deed/crow
    5  flew up and pulled the {toy} free
    3  flew up and carried the {toy} down in its beak
deed/owl
    5  flew up and picked the {toy} off
    3  glided up and dropped the {toy} at {his} feet
deed/woodpecker
    5  flew up and tapped the {toy} loose
    3  flew up and nudged the {toy} down
deed/mole
    5  dug down and pushed the {toy} out
    3  dug a tunnel right to the {toy}
deed/badger
    5  dug down and dragged the {toy} up
    3  dug until the {toy} was free
deed/lizard
    5  slid down and rolled the {toy} up
    3  slipped in and fetched the {toy}
deed/hedgehog
    5  crept in and rolled the {toy} out
    3  crawled in among the prickles and brought the {toy} out
deed/goat
    5  chewed a path right to the {toy}
    3  ate the thorns until the {toy} was free
deed/tortoise
    5  crawled in and nudged the {toy} out
    3  drew in its head and pushed the {toy} out
deed/donkey
    5  pulled the log away from the {toy}
    3  kicked the log off the {toy}
deed/horse
    5  dragged the log off the {toy}
    3  pushed the log away from the {toy}
deed/ox
    5  rolled the log off the {toy}
    3  lifted the log off the {toy} with its horns
deed/duck
    5  paddled out and brought the {toy} back
    3  dived down and found the {toy}
deed/otter
    5  dived in and came up with the {toy}
    3  swam out and towed the {toy} back
deed/frog
    5  leaped in and pushed the {toy} ashore
    3  hopped in and found the {toy}
deed/beaver
    5  swam out and carried the {toy} ashore
    3  dived in and rescued the {toy}

lost_end
    12 From then on, they were good friends.
    9  After that, {hero} took better care of the {toy}.
    7  They played together until sunset.
    5  Now the {helper} visits {hero} every week.
    3  A friend in need is a friend indeed.
    1  What a lucky day that was!
"""
