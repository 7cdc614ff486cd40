"""Somebody on the way to a treat stops to help a small animal, and the kindness comes back.

The animal decides what trouble it is in and what helps. It repays in the way it can: a bird
sees over the fog, a firefly glows in the dark, a turtle knows the water, a fawn the woods.
"""

PLOT = """
plot +
    9  On {his} way to [treat], {hero} heard [a_cry]. [rescue]
    6  One afternoon, {hero} set out for [treat] and heard [a_cry]. [rescue]

rescue
    1  It was [a_young] [creature] [by_landmark], {stuck}. The {trait} {who} [stayed]. "[hush],"
       {he} said [kindly], and [quickly] {he} {aid}. "[thanks]!" said the {creature} [happily].
       ¶ {hero} [hurried] to {treat} and [fun]. But on the way home, [mishap/{can}].
       [just_then], the {creature} [returned]. "[my_turn]," it said [kindly], and it
       [payback/{creature}]. [rescue_end]

treat
    18 the fair
    14 a picnic | treat: the picnic
    11 the market
    8  a party | treat: the party
    6  the circus
    4  a wedding | treat: the wedding
    3  the harvest dance
    2  a puppet show | treat: the puppet show
    1  the lantern parade

a_cry
    14 a tiny cry
    11 a faint voice
    8  somebody sobbing
    5  a sad little sound
    3  a whimper
    1  a muffled squeak

a_young
    14 a young
    11 a small
    8  a poor
    6  a frightened
    4  a shivering
    1  an unlucky

creature
    18 sparrow | stuck: with a thorn in its wing; aid: pulled out the thorn; can: fly
    14 turtle | stuck: lying on its back; aid: turned it over; can: swim
    11 fawn | stuck: with its leg caught in a fence; aid: bent the wire apart; can: roam
    8  firefly | stuck: trapped in a jar; aid: opened the lid; can: glow
    6  swallow | stuck: tangled in a net; aid: cut the strings; can: fly
    5  frog | stuck: at the bottom of a bucket; aid: tipped the bucket over; can: swim
    3  hedgehog | stuck: stuck in a pit; aid: made a ramp with a branch; can: roam
    2  glowworm | stuck: caught in a cobweb; aid: brushed the threads away; can: glow
    1  bee | stuck: floating in a puddle; aid: lifted it out with a twig; can: fly

stayed
    14 stopped
    11 could not walk away
    8  forgot about {treat}
    6  knelt down
    4  did not wait
    2  stayed
    1  took pity on it

hush
    14 Hold still
    11 Do not be afraid
    8  Let me see
    5  This will not hurt
    3  Poor thing
    1  Hush

hurried
    14 hurried
    10 ran
    7  went on
    4  walked
    2  skipped
    1  galloped

fun
    14 had a lot of fun
    12 ate [snack]
    8  laughed and danced
    5  met many friends
    2  stayed until the end
    1  won a wooden spoon

mishap/fly
    6  a thick fog came, and {hero} could not see the road
    3  fog rolled in, and {hero} walked in circles
mishap/swim
    6  the bridge was broken, and {hero} could not cross the stream
    3  the road was flooded, and {hero} could not go on
mishap/roam
    6  {he} took a wrong turn and got lost in the woods
    3  {he} lost the path among the trees
mishap/glow
    6  it grew dark, and {hero} could not see the road
    3  clouds hid the moon, and {hero} stumbled in the dark

returned
    14 came back
    11 appeared
    8  was there
    5  called {his} name
    1  tapped {him} on the shoulder

my_turn
    14 Now it is my turn to help
    11 You helped me, and now I will help you
    8  Follow me
    5  I will lead you home
    3  Do not be afraid
    1  I have been looking for you

payback/sparrow
    6  flew above the fog to show {him} the way
    3  flew up and chirped the way home
payback/turtle
    6  showed {him} where the water was not deep
    3  swam ahead and found a safe place to cross
payback/fawn
    6  walked beside {him} on the shortest path
    3  trotted ahead along a hidden path
payback/firefly
    6  lit up the path like a little lamp
    3  flashed at every bend of the road
payback/swallow
    6  flew above the fog to show {him} the way
    3  circled above the road until {he} was home
payback/frog
    6  hopped ahead from stone to stone
    3  found a fallen tree to use as a bridge
payback/hedgehog
    6  sniffed out the path and walked ahead
    3  led {him} along a secret trail
payback/glowworm
    6  shone as brightly as a candle
    3  glowed all the way to {his} door
payback/bee
    6  buzzed ahead through the fog
    3  hummed so that {he} could follow the sound

rescue_end
    12 Soon {hero} was home.
    9  Before long, {hero} was safe at home.
    7  And {hero} never forgot the {creature}.
    5  Ever since then, they have been friends.
    3  Kindness always comes back.
    1  At the door, they bowed to each other.
"""
