"""Two friends want the same thing, it breaks between them, and they mend it together.

The thing decides how it breaks, what mends it, and how two can enjoy it.
"""

PLOT = """
plot +
    9  Next door to {hero} lived [a_nature] [friend] named [pal]. [share]
    6  The best friend of {hero} was [a_nature] [friend] named [pal]. [share]

share
    1  [day], they found [a_look] [prize] [by_landmark]. "It is mine!" [cried] {hero}. "[i_saw]"
       said {pal}. They both [pulled]. {noise}! {broken}. ¶ [both_sad] "[sorry]," said the
       {trait} {who} [sadly]. "[mend]," said {pal} [kindly]. {hero} [fetched] {tool}, and {pal}
       {helped}. [working] the {look} {prize} was [as_new]. ¶ [after_that] {hero} and {pal}
       {enjoyed}. [share_end]

friend
    16 squirrel
    12 hedgehog
    9  duck
    7  goat
    5  otter
    4  frog
    3  badger
    2  raccoon
    1  pony

pal
    16 Hazel
    12 Bramble
    9  Pepper
    7  Pickle
    5  Button
    4  Mossy
    3  Acorn
    2  Tumble
    1  Juniper

prize
    18 kite | noise: Rip; broken: The kite tore in two; tool: paper and glue; helped: held the
       pieces together; enjoyed: took turns flying the kite
    14 wagon | noise: Crack; broken: A wheel of the wagon came off; tool: a hammer and a nail;
       helped: held the wheel; enjoyed: pulled each other around in the wagon
    10 blanket | noise: Rip; broken: The blanket tore down the middle; tool: a needle and
       thread; helped: held the edges together; enjoyed: sat on the blanket and told stories
    8  book | noise: Rip; broken: A page of the book fell out; tool: some tape; helped: smoothed
       the page; enjoyed: read the book to each other
    6  basket | noise: Snap; broken: The handle of the basket came off; tool: some willow twigs;
       helped: twisted them together; enjoyed: gathered berries in the basket
    5  sled | noise: Crack; broken: The seat of the sled split; tool: a board and some screws;
       helped: turned the screws; enjoyed: rode the sled down a grassy slope
    4  puppet | noise: Snap; broken: The puppet lost an arm; tool: a bit of wire; helped: bent
       it into a hook; enjoyed: put on a show with the puppet
    3  umbrella | noise: Snap; broken: The umbrella bent out of shape; tool: a pair of pliers;
       helped: straightened every rib; enjoyed: played pirates under the umbrella
    2  teapot | noise: Crash; broken: The spout of the teapot broke off; tool: a tube of glue;
       helped: pressed the spout on; enjoyed: drank peppermint tea from the teapot
    1  hammock | noise: Rip; broken: The hammock came apart; tool: a piece of rope; helped: tied
       the knots; enjoyed: swung in the hammock and counted clouds

i_saw
    12 No, it is mine!
    9  But I saw it first!
    6  Give it to me!
    4  I want it!
    1  Finders keepers!

pulled
    14 pulled hard
    9  pulled and pulled
    6  tugged at it
    3  held on tightly
    1  heaved with all their might

both_sad
    12 Now both friends were sad.
    8  For a while, nobody said a word.
    5  They looked at each other.
    3  Both of them were close to tears.
    1  In silence, {pal} stared at the ground.

sorry
    12 I am sorry
    8  I should not have pulled
    5  It was my fault
    3  Let us not fight
    1  I was silly and selfish

mend
    12 We can fix it together
    8  Let us fix it
    5  Maybe we can mend it
    3  I know what to do
    1  Two heads are better than one

fetched
    12 got
    8  fetched
    5  found
    3  ran home for
    1  borrowed

working
    12 Soon
    8  Before long
    5  After an hour
    3  When they were done,
    1  By noon

as_new
    12 as good as new
    8  whole again
    5  better than before
    3  ready to use
    1  stronger than ever

after_that
    12 All afternoon,
    8  For the rest of the day,
    5  Until it was dark,
    3  From then on,
    1  Giggling,

share_end
    12 "It is more fun to share," said {hero}.
    9  They never fought about it again.
    7  Both of them were [glad].
    5  And so they learned to share.
    2  "We make a good team," said {pal}.
    1  Sharing made it twice as much fun.
"""
