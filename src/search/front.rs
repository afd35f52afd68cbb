//! Several objectives at once, all of them minimised: which points no other beats, how alone they stand, what volume a front
//! dominates, and where its knee is.

use std::cmp::Ordering;

/// Figures of one candidate, an objective each.
pub type Point = Vec<f64>;

/// Whether `a` is no worse than `b` in any objective, and better in one.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    let pairs = || a.iter().zip(b);
    pairs().all(|(a, b)| a <= b) && pairs().any(|(a, b)| a < b)
}

/// The points in fronts, by their places: those that none dominates, then those that only the first dominate, and so on
/// (non-dominated sorting; Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", III A). Within a front
/// in the order of `points`. Each is found when it is asked for.
pub fn fronts(points: &[Point]) -> impl Iterator<Item = Vec<usize>> {
    let mut left: Vec<usize> = (0..points.len()).collect();
    std::iter::from_fn(move || {
        let is_beaten = |place: usize| left.iter().any(|&other| dominates(&points[other], &points[place]));
        let (beaten, front): (Vec<usize>, Vec<usize>) = left.iter().partition(|&&place| is_beaten(place));
        left = beaten;
        (!front.is_empty()).then_some(front)
    })
}

/// Takes a candidate into `front`, the candidates that no other beats in both of their `figures`, unless one there is as good. They
/// stand in the order of the first figure, which rises while the second falls, so that neighbours alone decide.
pub fn take_into_front<T>(front: &mut Vec<T>, candidate: T, figures: impl Fn(&T) -> [f64; 2]) {
    let [first, second] = figures(&candidate);
    let upto = front.partition_point(|other| figures(other)[0] <= first);
    if front[..upto].last().is_some_and(|other| figures(other)[1] <= second) {
        return;
    }
    let start = front.partition_point(|other| figures(other)[0] < first);
    let beaten = front[start..].partition_point(|other| figures(other)[1] >= second);
    front.splice(start..start + beaten, [candidate]);
}

/// The crowding distance of each place of `front`: over the objectives, the sum of the distances between its two neighbours, as a
/// fraction of the front's extent; infinite at the ends (ibid., III B).
pub fn crowding(points: &[Point], front: &[usize]) -> Vec<f64> {
    let mut distances = vec![0.0; front.len()];
    let objectives = front.first().map_or(0, |&place| points[place].len());
    let figures_of = |objective| front.iter().map(|&place| points[place][objective]).collect::<Vec<f64>>();
    for figures in (0..objectives).map(figures_of) {
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|&a, &b| figures[a].total_cmp(&figures[b]).then(a.cmp(&b)));
        let [first, last] = [order[0], order[order.len() - 1]];
        let extent = figures[last] - figures[first];
        distances[first] = f64::INFINITY;
        distances[last] = f64::INFINITY;
        if extent > 0.0 {
            for around in order.windows(3) {
                distances[around[1]] += (figures[around[2]] - figures[around[0]]) / extent;
            }
        }
    }
    distances
}

/// All places, best first: front by front, and within a front those that stand most alone; with one objective by its figures.
pub fn by_rank(points: &[Point]) -> impl Iterator<Item = usize> {
    let of_front = move |front: Vec<usize>| {
        let distances = crowding(points, &front);
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]).then(front[a].cmp(&front[b])));
        order.into_iter().map(move |index| front[index])
    };
    fronts(points).flat_map(of_front)
}

/// The volume that `points` dominate below `reference`; points beyond it add nothing. Exact, by slices along the last objective, so
/// for few objectives.
pub fn hypervolume(points: &[Point], reference: &[f64]) -> f64 {
    let is_within = |point: &&Point| point.iter().zip(reference).all(|(figure, most)| figure < most);
    let mut within: Vec<&[f64]> = points.iter().filter(is_within).map(Vec::as_slice).collect();
    volume(&mut within, reference)
}

fn volume(points: &mut [&[f64]], reference: &[f64]) -> f64 {
    let Some((&most, others)) = reference.split_last() else { return 1.0 };
    if others.is_empty() {
        return points.iter().map(|point| most - point[0]).fold(0.0, f64::max);
    }
    let depth = others.len();
    points.sort_by(|a, b| a[depth].total_cmp(&b[depth]));
    if let [most_of_first] = *others {
        let (mut least, mut area) = (most_of_first, 0.0);
        for (place, point) in points.iter().enumerate() {
            least = least.min(point[0]);
            let upper = points.get(place + 1).map_or(most, |next| next[1]);
            area += (upper - point[1]) * (most_of_first - least);
        }
        return area;
    }
    // Between two figures of the last objective, the points up to the lower one dominate what they do without it.
    let mut sum = 0.0;
    for count in 1..=points.len() {
        let upper = points.get(count).map_or(most, |next| next[depth]);
        let thickness = upper - points[count - 1][depth];
        if thickness > 0.0 {
            let mut slice: Vec<&[f64]> = points[..count].iter().map(|point| &point[..depth]).collect();
            sum += thickness * volume(&mut slice, others);
        }
    }
    sum
}

/// The places of a front, knee first: by the sum of their figures, where each objective is scaled from 0, the front's best, to 1, its
/// worst. With two objectives that is their distance below the line between the front's ends (Branke et al. 2004 call the bulge of a
/// front its knee). Equally far ones by their figures.
pub fn by_knee(points: &[Point]) -> Vec<usize> {
    let objectives = points.first().map_or(0, Vec::len);
    let extent = |objective: usize| {
        let figures = points.iter().map(|point| point[objective]);
        let (least, most) = figures.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        (least, if most > least { most - least } else { 1.0 })
    };
    let extents: Vec<(f64, f64)> = (0..objectives).map(extent).collect();
    let height = |point: &Point| -> f64 {
        point.iter().zip(&extents).map(|(figure, (least, extent))| (figure - least) / extent).sum()
    };
    let by_figures = |a: &Point, b: &Point| {
        let of = |(a, b): (&f64, &f64)| a.total_cmp(b);
        a.iter().zip(b).map(of).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let mut places: Vec<usize> = (0..points.len()).collect();
    places.sort_by(|&a, &b| {
        let (a, b) = (&points[a], &points[b]);
        height(a).total_cmp(&height(b)).then_with(|| by_figures(a, b))
    });
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points<const N: usize, const M: usize>(points: [[f64; M]; N]) -> Vec<Point> {
        points.map(Vec::from).into()
    }

    /// A worked example: six points in the plane.
    #[test]
    fn fronts_and_crowding_by_hand() {
        let points = points([[1.0, 5.0], [2.0, 3.0], [4.0, 1.0], [3.0, 4.0], [5.0, 5.0], [2.5, 2.5]]);
        assert_eq!(fronts(&points).collect::<Vec<_>>(), [vec![0, 1, 2, 5], vec![3], vec![4]]);
        // By the first objective 1, 2, 2.5, 4 of an extent of 3; by the second 1, 2.5, 3, 5 of 4.
        let distances = crowding(&points, &[0, 1, 2, 5]);
        assert_eq!(distances[0], f64::INFINITY);
        assert_eq!(distances[2], f64::INFINITY);
        assert!((distances[1] - (1.5 / 3.0 + 2.5 / 4.0)).abs() < 1e-12);
        assert!((distances[3] - (2.0 / 3.0 + 2.0 / 4.0)).abs() < 1e-12);
        assert_eq!(crowding(&points, &[3]), [f64::INFINITY]);
    }

    #[test]
    fn equal_points_share_a_front() {
        assert_eq!(fronts(&points([[1.0, 1.0], [1.0, 1.0]])).collect::<Vec<_>>(), [vec![0, 1]]);
        assert_eq!(fronts(&[]).next(), None);
    }

    /// ZDT1's front, f₂ = 1 − √f₁, dominates 2/3 of the unit square; ZDT2's, f₂ = 1 − f₁², 1/3; DTLZ2's in three objectives, the
    /// eighth of a sphere, 1 − π/6 of the unit cube; DTLZ1's, the plane of sum 1/2, 1 − 1/48.
    #[test]
    fn hypervolumes_of_known_fronts() {
        let steps = 2000;
        let at = |step: usize| f64::from(step as u32) / f64::from(steps);
        let front = |curve: fn(f64) -> f64| -> Vec<Point> {
            (0..=steps as usize).map(|step| vec![at(step), curve(at(step))]).collect()
        };
        let one = [1.0, 1.0];
        assert!((hypervolume(&front(|x| 1.0 - x.sqrt()), &one) - 2.0 / 3.0).abs() < 1e-3);
        assert!((hypervolume(&front(|x| 1.0 - x * x), &one) - 1.0 / 3.0).abs() < 1e-3);
        let angle = |step: u32| f64::from(step) / 40.0 * std::f64::consts::FRAC_PI_2;
        let sphere = |(a, b): (u32, u32)| {
            let (a, b) = (angle(a), angle(b));
            vec![a.cos() * b.cos(), a.cos() * b.sin(), a.sin()]
        };
        let grid = || (0..=40u32).flat_map(|a| (0..=40u32).map(move |b| (a, b)));
        let of_sphere = hypervolume(&grid().map(sphere).collect::<Vec<_>>(), &[1.0; 3]);
        assert!((of_sphere - (1.0 - std::f64::consts::PI / 6.0)).abs() < 0.04, "{of_sphere}");
        let plane = |(a, b): (u32, u32)| {
            let [a, b] = [a, b].map(|x| f64::from(x) / 80.0);
            (a + b <= 0.5).then(|| vec![a, b, 0.5 - a - b])
        };
        let of_plane = hypervolume(&grid().filter_map(plane).collect::<Vec<_>>(), &[1.0; 3]);
        assert!((of_plane - (1.0 - 1.0 / 48.0)).abs() < 0.005, "{of_plane}");
    }

    #[test]
    fn points_beyond_the_reference_add_nothing() {
        let some = points([[0.5, 0.5], [2.0, 0.1]]);
        assert_eq!(hypervolume(&some, &[1.0, 1.0]), 0.25);
        assert_eq!(hypervolume(&[], &[1.0, 1.0]), 0.0);
    }

    #[test]
    fn of_candidates_as_good_in_both_figures_the_first_stays() {
        let of_order = |candidates: &[[f64; 2]]| {
            let mut front = Vec::new();
            for candidate in candidates.iter().copied().enumerate() {
                take_into_front(&mut front, candidate, |(_, figures)| *figures);
            }
            front.into_iter().map(|(place, _)| place).collect::<Vec<_>>()
        };
        assert_eq!(of_order(&[[2.0, 4.0], [3.0, 3.0], [2.5, 5.0], [3.0, 3.0], [1.0, 6.0], [2.0, 3.5]]), [4, 5, 1]);
        // Of the same second figure, the lower first one; of the same first figure, the lower second one.
        assert_eq!(of_order(&[[2.0, 3.0], [1.0, 3.0], [1.0, 2.0], [4.0, 2.0]]), [2]);
    }

    #[test]
    fn the_knee_is_where_the_front_bulges_most() {
        // Scaled: (0, 1), (0.1, 0.3), (0.5, 0.25), (1, 0).
        let front = points([[1.0, 20.0], [2.0, 6.0], [6.0, 5.0], [11.0, 0.0]]);
        assert_eq!(by_knee(&front), [1, 2, 0, 3]);
        assert_eq!(by_knee(&points([[3.0, 3.0]])), [0]);
    }

    proptest! {
        /// Each cell of a grid counts when a point dominates it.
        #[test]
        fn hypervolume_is_the_sum_of_dominated_cells(points in proptest::collection::vec(proptest::array::uniform3(0u32..5), 0..9)) {
            let mut cells = 0;
            for (x, y, z) in (0..5u32).flat_map(|x| (0..5u32).flat_map(move |y| (0..5u32).map(move |z| (x, y, z)))) {
                cells += u32::from(points.iter().any(|point| point[0] <= x && point[1] <= y && point[2] <= z));
            }
            let points: Vec<Point> = points.iter().map(|point| point.map(f64::from).to_vec()).collect();
            prop_assert_eq!(hypervolume(&points, &[5.0; 3]), f64::from(cells));
        }

        #[test]
        fn no_point_of_the_first_front_is_dominated_and_all_others_are(
            points in proptest::collection::vec(proptest::array::uniform3(0u32..6), 1..20),
        ) {
            let points: Vec<Point> = points.iter().map(|point| point.map(f64::from).to_vec()).collect();
            let fronts: Vec<_> = fronts(&points).collect();
            prop_assert_eq!(fronts.iter().map(Vec::len).sum::<usize>(), points.len());
            for (rank, front) in fronts.iter().enumerate() {
                for &place in front {
                    let is_beaten_by = |others: &[usize]| others.iter().any(|&other| dominates(&points[other], &points[place]));
                    prop_assert!(!is_beaten_by(front));
                    prop_assert!(rank == 0 || is_beaten_by(&fronts[rank - 1]));
                }
            }
        }
    }
}
