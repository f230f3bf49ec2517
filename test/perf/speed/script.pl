# Work of a scripting language: hashes, regular expressions, sorting, numbers; no output but "right" when the result is.

use strict;
use warnings;

my $state = 1;
my %seen;
for (1 .. 60000) {
    $state = ($state * 16807) % 2147483647;
    my $word = sprintf("w%03d", $state % 997);
    $seen{$word}++;
}
my @order = sort { $seen{$b} <=> $seen{$a} or $a cmp $b } keys %seen;
my $text = join(" ", @order);
my $hash = 0;
for my $round (1 .. 8) {
    (my $upper = $text) =~ s/w(\d)(\d)/W$2$1/g;
    $hash = ($hash * 31 + ord($_)) % 2147483647 for split(//, $upper);
}
my $found = 0;
for my $n (2 .. 20000) {
    my $prime = 1;
    for (my $m = 2; $m * $m <= $n; $m++) {
        if ($n % $m == 0) { $prime = 0; last; }
    }
    $found += $prime;
}
my $result = "$found $hash";
if ($result ne $ARGV[0]) {
    print STDERR "the result is $result\n";
    exit 1;
}
print "right\n";
