//! People who use the service all the time, and the balancer between them and its instances.

use crate::service::{Service, client};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the balancer asks an instance whether it is ready.
const PROBE: Duration = Duration::from_millis(50);

const PEOPLE: usize = 3;

/// A todo as its owner knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Todo {
    pub id: i64,
    pub title: String,
    pub done: bool,
    pub priority: String,
    /// Version 2 alone has it.
    pub rank: Option<i32>,
}

/// Sends each request to one of the instances that said they are ready. It repeats none: one that fails has failed.
pub struct Balancer {
    ready: Arc<Mutex<Vec<String>>>,
    next: AtomicUsize,
}

impl Balancer {
    pub fn new() -> Balancer {
        Balancer {
            ready: Arc::default(),
            next: AtomicUsize::new(0),
        }
    }

    /// Takes an instance into service until it is not ready any more.
    pub fn add(&self, service: &Service) {
        let (ready, address) = (self.ready.clone(), service.address().to_owned());
        ready.lock().unwrap().push(address.clone());
        std::thread::spawn(move || {
            let client = client();
            loop {
                let answer = client.get(format!("{address}/health/ready")).call();
                if !answer.is_ok_and(|answer| answer.status() == 200) {
                    ready.lock().unwrap().retain(|known| *known != address);
                    return;
                }
                std::thread::sleep(PROBE);
            }
        });
    }

    fn choose(&self) -> String {
        let ready = self.ready.lock().unwrap();
        assert!(!ready.is_empty(), "there is always somebody in service");
        ready[self.next.fetch_add(1, Ordering::Relaxed) % ready.len()].clone()
    }
}

/// What people have seen.
#[derive(Default)]
pub struct Written {
    /// Their todos, as they were answered last.
    pub todos: HashMap<i64, Todo>,
    /// Requests that failed, or were answered with something else than was asked for.
    pub failures: Vec<String>,
}

/// How many requests each version has answered.
#[derive(Default)]
struct Counts {
    v1: AtomicUsize,
    v2: AtomicUsize,
}

impl Counts {
    fn of(&self, version: &str) -> &AtomicUsize {
        match version {
            "v1" => &self.v1,
            _ => &self.v2,
        }
    }
}

/// Several people at once.
pub struct Traffic {
    people: Vec<JoinHandle<Written>>,
    counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
}

impl Traffic {
    pub fn start(balancer: &Arc<Balancer>) -> Traffic {
        let (counts, stop) = (Arc::<Counts>::default(), Arc::<AtomicBool>::default());
        let people = (0..PEOPLE).map(|name| {
            let (balancer, counts, stop) = (balancer.clone(), counts.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut person = Person::new(name, balancer, counts);
                while !stop.load(Ordering::Relaxed) {
                    person.act();
                }
                person.written
            })
        });
        Traffic {
            people: people.collect(),
            counts,
            stop,
        }
    }

    /// Waits for so many more answers of a version.
    #[track_caller]
    pub fn await_answers(&self, version: &str, more: usize) {
        let count = || self.counts.of(version).load(Ordering::Relaxed);
        let (goal, deadline) = (count() + more, Instant::now() + Duration::from_secs(60));
        while count() < goal {
            assert!(
                Instant::now() < deadline,
                "{version} answered {} of {goal} requests",
                count()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it and puts together what everybody has seen.
    pub fn stop(mut self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Written::default();
        for person in std::mem::take(&mut self.people) {
            let Written { todos, failures } = person.join().unwrap();
            all.todos.extend(todos);
            all.failures.extend(failures);
        }
        all
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Somebody who writes todos, changes them, and looks.
struct Person {
    name: usize,
    random: fastrand::Rng,
    client: ureq::Agent,
    balancer: Arc<Balancer>,
    counts: Arc<Counts>,
    written: Written,
    ids: Vec<i64>,
}

impl Person {
    fn new(name: usize, balancer: Arc<Balancer>, counts: Arc<Counts>) -> Person {
        Person {
            name,
            random: fastrand::Rng::with_seed(name as u64),
            client: client(),
            balancer,
            counts,
            written: Written::default(),
            ids: Vec::new(),
        }
    }

    fn act(&mut self) {
        let priority = ["low", "medium", "high"][self.random.usize(..3)].to_owned();
        let done = self.random.bool();
        match self.random.usize(..4) {
            0 if !self.ids.is_empty() => {
                let id = self.ids[self.random.usize(..self.ids.len())];
                let known = self.written.todos[&id].clone();
                let (body, expected) = match self.random.bool() {
                    true => (json!({ "priority": priority }), Todo { priority, ..known }),
                    false => (json!({ "done": done }), Todo { done, ..known }),
                };
                self.write("PATCH", &format!("/todos/{id}"), body, 200, expected);
            }
            1 => {
                let _ = self.ask("GET", "/todos", None, 200);
            }
            _ => {
                let title = format!("{} of person {}", self.ids.len(), self.name);
                let expected = Todo {
                    id: 0,
                    title: title.clone(),
                    done: false,
                    priority: priority.clone(),
                    rank: None,
                };
                let body = json!({ "title": title, "priority": priority });
                self.write("POST", "/todos", body, 201, expected);
            }
        }
    }

    /// Writes a todo, and holds the answer against what was meant.
    fn write(
        &mut self,
        method: &str,
        path: &str,
        body: serde_json::Value,
        status: u16,
        expected: Todo,
    ) {
        let Some(answer) = self.ask(method, path, Some(body), status) else {
            return;
        };
        let todo: Todo = serde_json::from_str(&answer).unwrap();
        self.counts
            .of(if todo.rank.is_some() { "v2" } else { "v1" })
            .fetch_add(1, Ordering::Relaxed);
        let rank = ["low", "medium", "high"]
            .iter()
            .position(|word| *word == todo.priority);
        let as_expected = Todo {
            id: if expected.id == 0 {
                todo.id
            } else {
                expected.id
            },
            rank: todo.rank,
            ..expected
        };
        let rank_is_right = todo
            .rank
            .is_none_or(|number| rank == usize::try_from(number - 1).ok());
        if todo != as_expected || !rank_is_right {
            self.written.failures.push(format!(
                "{method} {path}: {todo:?} instead of {as_expected:?}"
            ));
        }
        if !self.written.todos.contains_key(&todo.id) {
            self.ids.push(todo.id);
        }
        self.written.todos.insert(todo.id, todo);
    }

    /// The answer, when it has this status.
    fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: Option<serde_json::Value>,
        status: u16,
    ) -> Option<String> {
        let address = self.balancer.choose();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{address}{path}"));
        let answer = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.client.run(request.body(body.to_string()).unwrap())
            }
            None => self.client.run(request.body(()).unwrap()),
        };
        let answer = answer.and_then(|mut answer| {
            Ok((
                answer.status().as_u16(),
                answer.body_mut().read_to_string()?,
            ))
        });
        match answer {
            Ok((code, text)) if code == status => Some(text),
            Ok((code, text)) => {
                self.written
                    .failures
                    .push(format!("{method} {path} on {address}: {code} {text}"));
                None
            }
            Err(error) => {
                self.written
                    .failures
                    .push(format!("{method} {path} on {address}: {error}"));
                None
            }
        }
    }
}
