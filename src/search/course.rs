//! How far a search has come, generation by generation.

use super::front::{Point, by_knee, dominates, hypervolume};
use super::trial::Trial;
use crate::config::ObjectiveName;

/// How far beyond the worst figures of the first generation a front's volume is counted: what is as bad adds a little, or an
/// objective that is the same for all of them would leave no volume.
const MARGIN: f64 = 1.1;

/// The course of a search over its objectives.
pub struct Course {
    objectives: Vec<ObjectiveName>,
    generation: u64,
    /// The complete trials that no other dominates, with their figures; of those with equal ones the first.
    front: Vec<(u64, Point)>,
    /// The worst figure of each objective in the first generation.
    worst: Point,
    /// What was reached by the end of each generation but the last.
    reached: Vec<f64>,
}

impl Course {
    /// Before the first trial.
    pub fn new(objectives: &[ObjectiveName]) -> Self {
        let objectives = objectives.to_vec();
        Self { objectives, generation: 0, front: Vec::new(), worst: Point::new(), reached: Vec::new() }
    }

    /// Takes in a trial; generations come one after another.
    pub fn tell(&mut self, trial: &Trial) {
        self.tell_in(trial.generation, trial);
    }

    /// As [`Self::tell`], of a trial whose generation is counted as this one.
    pub fn tell_in(&mut self, generation: u64, trial: &Trial) {
        self.enter(generation);
        let Some(point) = trial.point(&self.objectives) else { return };
        if generation == 0 || self.worst.is_empty() {
            self.worst.resize(point.len(), f64::NEG_INFINITY);
            self.worst.iter_mut().zip(&point).for_each(|(worst, figure)| *worst = worst.max(*figure));
        }
        if !self.front.iter().any(|(_, other)| *other == point || dominates(other, &point)) {
            self.front.retain(|(_, other)| !dominates(&point, other));
            self.front.push((trial.id, point));
        }
    }

    /// Ends the generations before `generation`.
    pub fn enter(&mut self, generation: u64) {
        while self.generation < generation {
            self.reached.push(self.reached());
            self.generation += 1;
        }
    }

    /// Whether the last `patience` generations that are over reached no more than those before them.
    pub fn has_stalled(&self, patience: usize) -> bool {
        let reached = &self.reached;
        reached.len() > patience && reached[reached.len() - 1] <= reached[reached.len() - 1 - patience]
    }

    /// The front so far, and its hypervolume; `None` with one objective.
    pub fn front(&self) -> Option<(usize, f64)> {
        (self.objectives.len() > 1).then(|| (self.front.len(), self.reached()))
    }

    /// The trial at the knee of the front (see [`by_knee`]), and its figures; `None` before the first complete one.
    pub fn knee(&self) -> Option<(u64, &[f64])> {
        let (trial, point) = &self.front[*by_knee(&self.points()).first()?];
        Some((*trial, point))
    }

    /// What is minimised.
    pub fn objectives(&self) -> &[ObjectiveName] {
        &self.objectives
    }

    fn points(&self) -> Vec<Point> {
        self.front.iter().map(|(_, point)| point.clone()).collect()
    }

    /// The more the better: the lowest figure's negative, or the hypervolume as a fraction of the box between 0 and
    /// [`MARGIN`] times the worst figures of the first generation.
    fn reached(&self) -> f64 {
        if self.objectives.len() == 1 {
            return -self.front.iter().map(|(_, point)| point[0]).fold(f64::INFINITY, f64::min);
        }
        if self.front.is_empty() {
            return 0.0;
        }
        let beyond = |&worst: &f64| if worst > 0.0 { MARGIN * worst } else { 1.0 };
        let reference: Point = self.worst.iter().map(beyond).collect();
        hypervolume(&self.points(), &reference) / reference.iter().product::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::testing::trial;
    use std::collections::BTreeMap;

    fn course(objectives: &[&str], trials: &[(u64, f64, f64)]) -> Course {
        let objectives: Vec<_> = objectives.iter().map(|name| ObjectiveName::new(name).unwrap()).collect();
        let mut course = Course::new(&objectives);
        for &(generation, loss, gflops) in trials {
            course.tell(&Trial { generation, gflops, ..trial(0, Some(loss)) });
        }
        course
    }

    #[test]
    fn a_search_of_one_objective_stalls_when_its_best_stays() {
        let mut course = course(&["loss"], &[(0, 5.0, 1.0), (1, 4.0, 1.0), (2, 4.5, 1.0), (3, 4.0, 1.0)]);
        assert_eq!(course.front(), None);
        assert!(!course.has_stalled(2), "the third generation is not over");
        course.enter(4);
        assert!(course.has_stalled(2) && course.has_stalled(1));
        assert!(!course.has_stalled(3), "the second was better than the first");
    }

    #[test]
    fn the_hypervolume_is_told_within_a_little_more_than_the_worst_of_the_first_generation() {
        let is = |course: &Course, points: usize, volume: f64| {
            let (found, of) = course.front().unwrap();
            assert!(found == points && (of - volume / (4.4 * 2.2)).abs() < 1e-12, "{found} points, {of}");
        };
        let first = [(0, 4.0, 1.0), (0, 2.0, 2.0)];
        is(&course(&["loss", "gflops"], &first), 2, 0.4 * 1.2 + 2.4 * 0.2 - 0.4 * 0.2);
        // (2, 1) dominates both; (9, 0.5) is on the front, and beyond the worst. What is as good counts once.
        let more = [first[0], first[1], (1, 2.0, 1.0), (1, 9.0, 0.5), (1, 2.0, 1.0)];
        let mut course = course(&["loss", "gflops"], &more);
        is(&course, 2, 2.4 * 1.2);
        course.enter(2);
        assert!(!course.has_stalled(1));
        course.enter(3);
        assert!(course.has_stalled(1));
    }

    #[test]
    fn an_objective_that_is_the_same_for_all_leaves_a_volume() {
        for gflops in [0.0, 3.0] {
            let objectives = ["loss", "gflops", "parameters"].map(|name| ObjectiveName::new(name).unwrap());
            let mut course = Course::new(&objectives);
            let mut told = Vec::new();
            for (generation, loss) in [(0, 4.0), (1, 3.0), (2, 3.0), (3, 2.0)] {
                let costs = BTreeMap::from([("parameters".to_owned(), 7.0)]);
                course.tell(&Trial { generation, gflops, costs, ..trial(0, Some(loss)) });
                told.push(course.front().unwrap().1);
            }
            assert!(told[0] > 0.0 && told[1] > told[0] && told[2] == told[1] && told[3] > told[2], "{told:?}");
            course.enter(4);
            assert!(!course.has_stalled(1) && !course.has_stalled(2));
        }
    }
}
