use super::*;

fn filled(sequences: usize, tokens: &[Token]) -> Prefixes {
    let mut prefixes = Prefixes::new(sequences);
    prefixes.extend(0, 0, tokens);
    prefixes
}

#[test]
fn what_is_shared_counts_once_and_stays_until_the_last_lets_go() {
    let mut prefixes = filled(3, &[1, 2, 3, 4]);
    prefixes.share(0, 1, 3);
    prefixes.extend(1, 0, &[9]);
    assert_eq!((prefixes.used(), prefixes.tokens(1)), (5, vec![1, 2, 3, 9]));
    assert_eq!((prefixes.unshared(0), prefixes.unshared(1)), (1, 1));
    prefixes.truncate(0, 0);
    assert_eq!((prefixes.used(), prefixes.tokens(1)), (4, vec![1, 2, 3, 9]));
    prefixes.truncate(1, 0);
    assert_eq!(prefixes.used(), 0);
}

#[test]
fn the_longest_beginning_is_found_also_among_twins() {
    let mut prefixes = filled(4, &[1, 2, 3]);
    // The same tokens, computed by themselves.
    prefixes.extend(1, 0, &[1, 2, 7, 8]);
    assert_eq!(prefixes.used(), 7);
    assert_eq!(prefixes.longest(&[1, 2, 7, 9], 0, false), Some(Match { sequence: 1, length: 3 }));
    assert_eq!(prefixes.longest(&[1, 2, 3, 9], 0, true), Some(Match { sequence: 0, length: 3 }));
    assert_eq!(prefixes.longest(&[1, 2, 7, 9], 0, true), None);
    assert_eq!((prefixes.longest(&[5], 0, false), prefixes.longest(&[1], 1, false)), (None, None));
}

#[test]
fn groups_do_not_mix_where_they_share_nothing_but_tokens() {
    let mut prefixes = filled(2, &[1, 2]);
    prefixes.extend(1, 7, &[1, 2, 3]);
    assert_eq!(prefixes.longest(&[1, 2, 3], 7, false).map(|found| found.sequence), Some(1));
    assert_eq!(prefixes.longest(&[1, 2, 3], 0, false), Some(Match { sequence: 0, length: 2 }));
}

#[test]
fn a_part_is_cut_out_of_what_is_not_shared() {
    let mut prefixes = filled(2, &[1, 2, 3, 4, 5, 6]);
    prefixes.share(0, 1, 2);
    assert!(prefixes.is_shared_from(0, 1) && !prefixes.is_shared_from(0, 2));
    prefixes.cut_out(0, 2, 2);
    assert_eq!((prefixes.tokens(0), prefixes.tokens(1), prefixes.used()), (vec![1, 2, 5, 6], vec![1, 2], 4));
}

/// Against plain lists: what each sequence holds, and which of it is the same cell.
#[test]
fn random_operations_agree_with_plain_lists() {
    for seed in 0..300u64 {
        let mut state = seed;
        let mut below = |limit: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % limit
        };
        const SEQUENCES: usize = 5;
        let mut prefixes = Prefixes::new(SEQUENCES);
        // (cell, token)
        let mut lists: Vec<Vec<(usize, Token)>> = vec![Vec::new(); SEQUENCES];
        let mut next_cell = 0;
        for _ in 0..200 {
            let (a, b) = (below(SEQUENCES), below(SEQUENCES));
            match below(4) {
                0 | 1 => {
                    let tokens: Vec<Token> = (0..1 + below(4)).map(|_| below(2) as Token).collect();
                    prefixes.extend(a as SeqId, 0, &tokens);
                    for token in tokens {
                        lists[a].push((next_cell, token));
                        next_cell += 1;
                    }
                }
                2 => {
                    let length = below(lists[a].len() + 1);
                    prefixes.truncate(a as SeqId, length);
                    lists[a].truncate(length);
                }
                _ if a != b => {
                    prefixes.truncate(b as SeqId, 0);
                    let length = below(lists[a].len() + 1);
                    prefixes.share(a as SeqId, b as SeqId, length);
                    lists[b] = lists[a][..length].to_vec();
                }
                _ => {}
            }
            let cells: std::collections::HashSet<usize> = lists.iter().flatten().map(|(cell, _)| *cell).collect();
            assert_eq!(prefixes.used(), cells.len(), "seed {seed}");
            for (id, list) in lists.iter().enumerate() {
                let tokens: Vec<Token> = list.iter().map(|(_, token)| *token).collect();
                assert_eq!(prefixes.tokens(id as SeqId), tokens, "seed {seed}");
                assert_eq!(prefixes.length(id as SeqId), tokens.len());
                let others: std::collections::HashSet<usize> = lists
                    .iter()
                    .enumerate()
                    .filter(|(other, _)| *other != id)
                    .flat_map(|(_, list)| list)
                    .map(|(cell, _)| *cell)
                    .collect();
                let unshared = list.iter().filter(|(cell, _)| !others.contains(cell)).count();
                assert_eq!(prefixes.unshared(id as SeqId), unshared, "seed {seed}");
            }
            let wanted: Vec<Token> = (0..1 + below(12)).map(|_| below(2) as Token).collect();
            let common = |list: &Vec<(usize, Token)>| list.iter().zip(&wanted).take_while(|(a, b)| a.1 == **b).count();
            let best = lists.iter().map(common).max().filter(|&length| length > 0);
            let found = prefixes.longest(&wanted, 0, false);
            assert_eq!(found.map(|found| found.length), best, "seed {seed}");
            if let Some(found) = found {
                assert_eq!(common(&lists[found.sequence as usize]), found.length, "seed {seed}");
                assert_eq!(prefixes.common(found.sequence, &wanted), found.length);
            }
        }
    }
}
