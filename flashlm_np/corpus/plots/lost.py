"""A toy is lost where its owner cannot reach; the right helper can.

The toy decides how it is lost (a kite flies, a ball rolls), that decides the spot, the spot decides
which animals can help, and the animal decides how it helps.
"""

PLOT = """
plot +
    12 Wherever {he} went, {hero} took [a_look] [toy] along. [lost]
    7  Of all {his} things, {hero} loved [a_look] [toy] the most. [lost]

lost
    1 [day], {he} was {using} the {toy} [play_at/{fate}] when [loss/{fate}]. The {trait}
      {who} [try/{spot}],
      but [no_use]. ¶ [just_then], [a_nature] [helper/{spot}] [came_by]. "[ask]" asked
      the {helper} [kindly]. "My {look} {toy} is {where}," said {hero} [sadly]. "[comfort]," said
      the {helper}, and [quickly] it [deed/{helper}]. ¶ "[thanks]!" [cried] {hero} [happily], and
      {he} gave the {helper} [snack]. [lost_end]

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
    1 [by_landmark]
play_at/roll
    1 [by_landmark]
play_at/float
    1 on the [calm] [water]
play_at/sink
    1 by the [calm] [water]
water
    6 pond
    5 river
    4 lake
    1 canal
calm
    8 calm
    6 deep
    5 cold
    4 clear
    3 sparkling
    2 wide
    1 muddy

loss/fly
    5 the wind blew it into [a_tree] | spot: high; where: stuck in the {tree}
    3 the wind carried it onto the roof | spot: high; where: up on the roof
a_tree
    7 an oak | tree: oak
    5 a tall pine | tree: pine
    3 a pear tree | tree: pear tree
    1 a willow | tree: willow
loss/roll
    5 it rolled into a deep hole | spot: deep; where: down in that hole
    3 it rolled into a thorn bush | spot: thorns; where: in the thorns
    2 it rolled under a heavy log | spot: heavy; where: under the log
loss/float
    4 it drifted too far away | spot: water; where: in the middle of the {water}
    2 a wave pushed it away | spot: water; where: out on the {water}
loss/sink
    4 it fell into the water | spot: water; where: at the bottom of the {water}
    2 it slipped and sank | spot: water; where: deep in the {water}

try/high
    6 jumped as high as {he} could
    3 tried to climb up
    1 stretched up on tiptoe
try/deep
    6 reached down as far as {he} could
    3 poked around with a stick
    1 lowered a piece of string
try/thorns
    6 tried to crawl in
    3 pulled at the branches
    1 shook the whole bush
try/heavy
    6 pushed with all {his} might
    3 tried to lift it
    1 leaned against it and groaned
try/water
    6 waded in up to {his} knees
    3 reached out with a long stick
    1 threw pebbles to make waves

no_use
    9 could not get it back
    6 it was no use
    4 nothing helped
    1 the {toy} did not budge

helper/high
    9 squirrel
    6 crow
    4 owl
    1 woodpecker
helper/deep
    9 mole
    5 badger
    2 lizard
helper/thorns
    9 hedgehog
    5 goat
    2 tortoise
helper/heavy
    9 donkey
    5 horse
    2 ox
helper/water
    9 duck
    6 otter
    4 frog
    1 beaver

deed/squirrel
    6 ran up and pushed the {toy} down
    2 climbed up and shook the {toy} loose
deed/crow
    6 flew up and pulled the {toy} free
    2 flew up and carried the {toy} down in its beak
deed/owl
    6 flew up and picked the {toy} off
    2 glided up and dropped the {toy} at {his} feet
deed/woodpecker
    6 flew up and tapped the {toy} loose
    2 flew up and nudged the {toy} down
deed/mole
    6 dug down and pushed the {toy} out
    2 dug a tunnel right to the {toy}
deed/badger
    6 dug down and dragged the {toy} up
    2 dug until the {toy} was free
deed/lizard
    6 slid down and rolled the {toy} up
    2 slipped in and fetched the {toy}
deed/hedgehog
    6 crept in and rolled the {toy} out
    2 crawled in among the prickles and brought the {toy} out
deed/goat
    6 chewed a path right to the {toy}
    2 ate the thorns until the {toy} was free
deed/tortoise
    6 crawled in and nudged the {toy} out
    2 drew in its head and pushed the {toy} out
deed/donkey
    6 pulled the log away from the {toy}
    2 kicked the log off the {toy}
deed/horse
    6 dragged the log off the {toy}
    2 pushed the log away from the {toy}
deed/ox
    6 rolled the log off the {toy}
    2 lifted the log off the {toy} with its horns
deed/duck
    6 paddled out and brought the {toy} back
    2 dived down and found the {toy}
deed/otter
    6 dived in and came up with the {toy}
    2 swam out and towed the {toy} back
deed/frog
    6 leaped in and pushed the {toy} ashore
    2 hopped in and found the {toy}
deed/beaver
    6 swam out and carried the {toy} ashore
    2 dived in and rescued the {toy}

lost_end
    9 From that day on, {hero} and the {helper} were good friends.
    7 After that, {hero} took better care of the {toy}.
    5 The {trait} {who} and the {helper} played together until sunset.
    3 "A friend in need is a friend indeed," said the {helper}.
    2 Now the {helper} comes to visit {hero} every week.
    1 If they have not gone home, they are still playing with the {toy}.
"""
