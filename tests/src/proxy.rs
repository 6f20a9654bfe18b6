//! A TCP proxy in front of Postgres that understands just enough of its protocol to cut a connection at a commit.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The `COMMIT` was sent and never reaches the server.
    BeforeCommit,
    /// The server has committed, and its answer never reaches the client.
    AfterCommit,
}

/// A proxy that runs until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    closed: AtomicBool,
    refuse: AtomicBool,
    delay_micros: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
    /// What to do at the next commit, and whom to tell.
    trap: Mutex<Option<Trap>>,
}

/// Lets this many commits pass, then cuts and tells.
struct Trap {
    passing: u32,
    cut: Cut,
    told: mpsc::Sender<()>,
}

/// A connection's two halves look at this: the commit whose answer is not to arrive.
#[derive(Default)]
struct Connection {
    lost: Mutex<Option<mpsc::Sender<()>>>,
}

impl Proxy {
    /// A proxy in front of a server on this machine.
    ///
    /// # Panics
    /// The machine has no loopback interface.
    pub fn start(port: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.closed.load(Ordering::Acquire) {
                    return;
                }
                if !accepting.refuse.load(Ordering::Acquire) {
                    // A server that is away is seen by the client as it would be without us.
                    let _ = connect(&accepting, client, port);
                }
            }
        });
        Proxy { address, shared }
    }

    /// The URL of a database behind the proxy.
    pub fn url_of(&self, database: &str) -> String {
        format!(
            "postgres://postgres@127.0.0.1:{}/{database}",
            self.address.port()
        )
    }

    /// Cuts the connection of whoever commits next. The receiver hears of it when it has happened.
    ///
    /// # Panics
    /// Never: nobody panics while holding the lock.
    pub fn cut_at_next_commit(&self, cut: Cut) -> mpsc::Receiver<()> {
        self.cut_at_commit(cut, 0)
    }

    /// As [`Proxy::cut_at_next_commit`], after letting this many pass.
    ///
    /// # Panics
    /// Never: nobody panics while holding the lock.
    pub fn cut_at_commit(&self, cut: Cut, passing: u32) -> mpsc::Receiver<()> {
        let (told, receiver) = mpsc::channel();
        *self.shared.trap.lock().expect("no panic") = Some(Trap { passing, cut, told });
        receiver
    }

    /// Cuts every connection there is.
    ///
    /// # Panics
    /// Never: nobody panics while holding the lock.
    pub fn cut_all(&self) {
        for stream in self.shared.open.lock().expect("no panic").drain(..) {
            // Closed already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Whether new connections are closed at once.
    pub fn refuse(&self, refuse: bool) {
        self.shared.refuse.store(refuse, Ordering::Release);
    }

    /// How long every piece of data is held back, in either direction: a network that is far away.
    pub fn delay(&self, delay: Duration) {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        self.shared.delay_micros.store(micros, Ordering::Release);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.cut_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

fn connect(shared: &Arc<Shared>, client: TcpStream, port: u16) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    shared
        .open
        .lock()
        .expect("no panic")
        .extend([client.try_clone()?, server.try_clone()?]);
    let connection = Arc::new(Connection::default());
    for up in [true, false] {
        let (shared, connection) = (shared.clone(), connection.clone());
        let (from, to) = match up {
            true => (client.try_clone()?, server.try_clone()?),
            false => (server.try_clone()?, client.try_clone()?),
        };
        std::thread::spawn(move || {
            // However it ended, the other half learns of it.
            let _ = match up {
                true => requests(&shared, &connection, &from, &to),
                false => answers(&shared, &connection, &from, &to),
            };
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}

/// Client to server.
fn requests(
    shared: &Shared,
    connection: &Connection,
    mut client: &TcpStream,
    mut server: &TcpStream,
) -> io::Result<()> {
    const NO_TYPE: usize = 0;
    const SSL_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();
    loop {
        let hello = message(&mut client, NO_TYPE)?;
        if hello[4..8] == SSL_REQUEST {
            client.write_all(b"N")?;
            continue;
        }
        server.write_all(&hello)?;
        break;
    }
    loop {
        let message = message(&mut client, 1)?;
        shared.wait();
        if is_commit(&message) {
            match shared.springs() {
                Some((Cut::BeforeCommit, told)) => {
                    server.shutdown(Shutdown::Both)?;
                    client.shutdown(Shutdown::Both)?;
                    let _ = told.send(());
                    return Ok(());
                }
                Some((Cut::AfterCommit, told)) => {
                    *connection.lost.lock().expect("no panic") = Some(told);
                }
                None => {}
            }
        }
        server.write_all(&message)?;
    }
}

/// Server to client.
fn answers(
    shared: &Shared,
    connection: &Connection,
    mut server: &TcpStream,
    mut client: &TcpStream,
) -> io::Result<()> {
    loop {
        let message = message(&mut server, 1)?;
        shared.wait();
        if message[0] == b'C' && message[5..].starts_with(b"COMMIT") {
            let lost = connection.lost.lock().expect("no panic").take();
            if let Some(told) = lost {
                client.shutdown(Shutdown::Both)?;
                server.shutdown(Shutdown::Both)?;
                let _ = told.send(());
                return Ok(());
            }
        }
        client.write_all(&message)?;
    }
}

impl Shared {
    /// What is to happen at the commit that is passing by.
    fn springs(&self) -> Option<(Cut, mpsc::Sender<()>)> {
        let mut trap = self.trap.lock().expect("no panic");
        if let Some(Trap { passing, .. }) = trap.as_mut().filter(|trap| trap.passing > 0) {
            *passing -= 1;
            return None;
        }
        trap.take().map(|trap| (trap.cut, trap.told))
    }

    fn wait(&self) {
        let micros = self.delay_micros.load(Ordering::Acquire);
        if micros > 0 {
            std::thread::sleep(Duration::from_micros(micros));
        }
    }
}

/// A whole message: `type_bytes` of type, four bytes of length that count themselves, the rest.
fn message(from: &mut impl Read, type_bytes: usize) -> io::Result<Vec<u8>> {
    let mut head = vec![0; type_bytes + 4];
    from.read_exact(&mut head)?;
    let length: [u8; 4] = head[type_bytes..].try_into().expect("four bytes");
    let length = u32::from_be_bytes(length) as usize;
    let mut whole = head;
    whole.resize(type_bytes + length, 0);
    from.read_exact(&mut whole[type_bytes + 4..])?;
    Ok(whole)
}

/// Whether a client's message is a simple query or a statement to parse that commits.
fn is_commit(message: &[u8]) -> bool {
    let text = match message[0] {
        b'Q' => &message[5..],
        // The statement's name comes first.
        b'P' => message[5..]
            .splitn(2, |byte| *byte == 0)
            .nth(1)
            .unwrap_or_default(),
        _ => return false,
    };
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text).to_ascii_uppercase();
    text.split(|c: char| c == ';' || c.is_whitespace())
        .any(|word| word == "COMMIT")
}
