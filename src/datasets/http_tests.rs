//! Downloads, from a server in this process that can be told to misbehave.

use super::{
    CifarOptions, Dataset, cached_download,
    download::{cached_download_with, find_cached},
    get_cifar10,
    mnist::{MnistOptions, Published, Source, get_mnist, published},
};
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
};

#[derive(Clone)]
enum Reply {
    /// A file, whole.
    Whole(Vec<u8>),
    /// The beginning of a file, declared to be longer.
    Cut(Vec<u8>, usize),
    /// The beginning of a file whose length was not declared.
    Unmeasured(Vec<u8>),
    NotFound,
}

struct Server {
    root: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(replies: Vec<(&str, Reply)>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let replies: Vec<(String, Reply)> =
            replies.into_iter().map(|(path, reply)| (path.to_string(), reply)).collect();
        let log = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = answer(stream.unwrap(), &replies, &log);
            }
        });
        Server { root, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, replies: &[(String, Reply)], log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let path = String::from_utf8_lossy(&request).split(' ').nth(1).unwrap().to_string();
    let reply = replies.iter().find(|(p, _)| *p == path).map_or(Reply::NotFound, |(_, reply)| reply.clone());
    log.lock().unwrap().push(path);
    let (head, body) = match reply {
        Reply::Whole(body) => (format!("200 OK\r\nContent-Length: {}", body.len()), body),
        Reply::Cut(body, length) => (format!("200 OK\r\nContent-Length: {length}"), body),
        Reply::Unmeasured(body) => ("200 OK".into(), body),
        Reply::NotFound => ("404 Not Found\r\nContent-Length: 0".into(), Vec::new()),
    };
    write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&body)
}

/// An address at which nothing listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/f", listener.local_addr().unwrap())
}

fn file() -> Vec<u8> {
    (0..200_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn get(urls: &[&str], cache: &Path) -> Result<PathBuf> {
    cached_download(urls, "f", &sum(&file()), file().len() as u64, cache)
}

/// Every file in the folder, those that are hidden included.
fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_file_is_downloaded_once() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("new/folder");
    let server = Server::start(vec![("/f", Reply::Whole(file()))]);
    let url = format!("{}/f", server.root);
    let mut told = Vec::new();
    let (bytes, wanted) = (file().len() as u64, sum(&file()).to_uppercase());
    let path = cached_download_with(&[&url], "f", &wanted, bytes, &cache, &mut |n, of| told.push((n, of))).unwrap();
    assert_eq!(fs::read(&path).unwrap(), file());
    assert_eq!((told[0], *told.last().unwrap()), ((0, bytes), (bytes, bytes)));
    assert!(told.is_sorted() && told.len() > 3);
    assert_eq!(get(&[&url], &cache).unwrap(), path);
    assert_eq!(server.asked(), ["/f"]);
    assert_eq!(names(&cache), ["f"]);
    assert_eq!(find_cached("f", &sum(&file()), bytes, &cache).unwrap(), Some(path));
}

#[test]
fn bad_answers_are_refused_and_leave_nothing() {
    let half = file()[..300_000].to_vec();
    let mut wrong = file();
    wrong[12_345] ^= 1;
    let mut longer = file();
    longer.push(0);
    for (reply, reason) in [
        (Reply::Cut(half.clone(), file().len()), "broke off after 300000 of 800000 bytes"),
        (Reply::Unmeasured(half), "ended after 300000 of 800000 bytes"),
        (Reply::Whole(wrong), "SHA-256"),
        (Reply::Whole(longer), "sent more than the file's 800000 bytes"),
        (Reply::NotFound, "404"),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server::start(vec![("/f", reply)]);
        let e = get(&[&format!("{}/f", server.root)], cache.path()).unwrap_err();
        assert!(matches!(e, Error::Download { .. }) && e.to_string().contains(reason), "{reason}: {e}");
        assert!(names(cache.path()).is_empty(), "{reason}");
    }
}

#[test]
fn the_next_mirror_is_tried() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![
        ("/wrong/f", Reply::Whole(vec![1; file().len()])),
        ("/cut/f", Reply::Cut(file()[..9].to_vec(), file().len())),
        ("/good/f", Reply::Whole(file())),
        ("/late/f", Reply::Whole(file())),
    ]);
    let urls: Vec<String> = ["none", "wrong", "cut", "good", "late"].map(|m| format!("{}/{m}/f", server.root)).to_vec();
    let gone = nobody();
    let urls: Vec<&str> = std::iter::once(gone.as_str()).chain(urls.iter().map(String::as_str)).collect();
    assert_eq!(fs::read(get(&urls, cache.path()).unwrap()).unwrap(), file());
    assert_eq!(server.asked(), ["/none/f", "/wrong/f", "/cut/f", "/good/f"]);
    assert_eq!(names(cache.path()), ["f"]);
}

#[test]
fn partial_and_damaged_files_are_never_trusted() {
    let server = Server::start(vec![("/f", Reply::Whole(file()))]);
    let url = format!("{}/f", server.root);
    let mut damaged = file();
    damaged[700_000] ^= 0x40;
    for (before, name) in
        [(file()[..400_000].to_vec(), "f"), (damaged, "f"), (file(), "f.part"), (file(), ".f.1.0.part")]
    {
        let cache = tempfile::tempdir().unwrap();
        fs::write(cache.path().join(name), &before).unwrap();
        assert_eq!(find_cached("f", &sum(&file()), file().len() as u64, cache.path()).unwrap(), None);
        // Where it cannot be downloaded again, the damaged file is still not given.
        assert!(get(&[&nobody()], cache.path()).is_err());
        assert_eq!(fs::read(get(&[&url], cache.path()).unwrap()).unwrap(), file());
    }
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn an_error_names_every_address_and_what_to_do() {
    let cache = tempfile::tempdir().unwrap();
    let (a, b) = (nobody(), "no address".to_string());
    let text = get(&[&a, &b], cache.path()).unwrap_err().to_string();
    assert!(text.contains(&a) && text.contains(&b), "{text}");
    assert!(text.contains(&format!("put the file at {}", cache.path().join("f").display())), "{text}");
    assert!(get(&[], cache.path()).unwrap_err().to_string().contains("no address was given"));
}

#[test]
fn processes_may_fetch_one_file_at_once() {
    let cache = tempfile::tempdir().unwrap();
    let servers: Vec<Server> = (0..4).map(|_| Server::start(vec![("/f", Reply::Whole(file()))])).collect();
    thread::scope(|scope| {
        for server in &servers {
            scope.spawn(|| {
                assert_eq!(fs::read(get(&[&format!("{}/f", server.root)], cache.path()).unwrap()).unwrap(), file())
            });
        }
    });
    assert_eq!(names(cache.path()), ["f"]);
}

#[test]
fn a_cache_that_cannot_be_written_is_the_machines_error() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("file");
    fs::write(&blocked, "in the way").unwrap();
    let server = Server::start(vec![("/f", Reply::Whole(file()))]);
    let e = get(&[&format!("{}/f", server.root)], &blocked).unwrap_err();
    assert!(matches!(e, Error::Io { .. }), "{e:?}");
}

#[test]
#[should_panic(expected = "must be a file's name without a folder")]
fn a_name_with_a_folder_panics() {
    let _ = cached_download(&[], "../f", &sum(b""), 0, Path::new("cache"));
}

#[test]
fn mnist_is_downloaded_then_found_in_the_cache() {
    let names = [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ];
    let kept = super::vendored_dir("mnist").unwrap();
    let files = names.map(|name| fs::read(kept.join(name)).unwrap());
    let server = Server::start(vec![
        ("/m/train-images-idx3-ubyte.gz", Reply::Whole(files[0].clone())),
        ("/m/train-labels-idx1-ubyte.gz", Reply::Whole(files[1].clone())),
        ("/m/t10k-images-idx3-ubyte.gz", Reply::Whole(files[2].clone())),
        ("/m/t10k-labels-idx1-ubyte.gz", Reply::Whole(files[3].clone())),
    ]);
    let wanted: [Published; 4] = std::array::from_fn(|i| Published {
        name: names[i],
        sha256: sum(&files[i]).leak(),
        bytes: files[i].len() as u64,
    });
    let cache = tempfile::tempdir().unwrap();
    let options = MnistOptions::default().cache(cache.path()).mirrors([nobody(), format!("{}/m/", server.root)]);
    let offline = options.clone().download(false);
    assert!(published(&wanted, &offline).is_err());
    let (paths, source) = published(&wanted, &options).unwrap();
    assert_eq!(source, Source::Downloaded);
    assert_eq!(paths.map(|p| fs::read(p).unwrap()), files);
    assert_eq!(published(&wanted, &offline).unwrap().1, Source::Cache);
    fs::write(cache.path().join(names[2]), "damaged").unwrap();
    assert_eq!(published(&wanted, &options).unwrap().1, Source::Downloaded);
    assert_eq!(server.asked().len(), 5);
}

#[test]
fn mnist_falls_back_when_mirrors_fail() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![("/train-images-idx3-ubyte.gz", Reply::Whole(file()))]);
    let mirrors = [nobody(), server.root.clone()];
    let mnist = get_mnist(&MnistOptions::default().cache(cache.path()).mirrors(mirrors)).unwrap();
    let Source::Vendored { because } = mnist.source else { panic!("{:?}", mnist.source) };
    assert!(because.contains("cannot download train-images-idx3-ubyte.gz"), "{because}");
    assert_eq!(server.asked(), ["/train-images-idx3-ubyte.gz"], "one file that fails is enough");
    assert!(names(cache.path()).is_empty());
}

/// A gzip'd tar of plain files.
fn tar_gz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, bytes) in members {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        header[156] = if bytes.is_empty() { b'5' } else { b'0' };
        tar.extend_from_slice(&header);
        tar.extend_from_slice(bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend_from_slice(&[0; 1024]);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&tar).unwrap();
    gz.finish().unwrap()
}

#[test]
fn cifar_is_downloaded_once_and_read_out_of_its_archive() {
    let batch = |label: u8, n: usize| [vec![label], vec![7 * label; 3072]].concat().repeat(n);
    let inside = |name: &str| format!("cifar-10-batches-bin/{name}");
    let names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    let mut files: Vec<(String, Vec<u8>)> =
        (1..=5u8).map(|i| (inside(&format!("data_batch_{i}.bin")), batch(i, 2))).collect();
    files.push((inside("batches.meta.txt"), names.into()));
    files.insert(0, (inside(""), vec![]));
    let whole = |test: Vec<u8>| {
        let mut files = files.clone();
        files.push((inside("test_batch.bin"), test));
        tar_gz(&files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect::<Vec<_>>())
    };
    let dir = tempfile::tempdir().unwrap();
    let good = whole(batch(9, 3));
    let server = Server::start(vec![("/cifar", Reply::Whole(good.clone()))]);
    let options = CifarOptions::default().cache(dir.path()).archive(
        format!("{}/cifar", server.root),
        sum(&good),
        good.len() as u64,
    );
    let cifar = get_cifar10(&options).unwrap();
    assert_eq!((cifar.source, cifar.names[9].as_str()), (Source::Downloaded, "truck"));
    assert_eq!((cifar.train.labels(), cifar.test.len()), (&[1, 1, 2, 2, 3, 3, 4, 4, 5, 5][..], 3));
    assert!((cifar.train.get(8).0[[2, 31, 31]] - 35.0 / 255.0).abs() < 1e-6);
    assert_eq!(get_cifar10(&options.clone().download(false)).unwrap().source, Source::Cache);
    assert_eq!(server.asked(), ["/cifar"]);

    // Not what it should be, under the right checksum: a bug of whoever made it is told as such.
    let bad =
        [whole(vec![1; 3000]), tar_gz(&[("other", b"x")]), good[..good.len() / 2].to_vec(), b"no archive".to_vec()];
    let said = ["records of 3073 bytes", "an archive with cifar-10-batches-bin", "gzip'd tar", "gzip'd tar"];
    for (bytes, said) in bad.into_iter().zip(said) {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(vec![("/cifar", Reply::Whole(bytes.clone()))]);
        let options = CifarOptions::default().cache(dir.path()).archive(
            format!("{}/cifar", server.root),
            sum(&bytes),
            bytes.len() as u64,
        );
        let e = get_cifar10(&options).unwrap_err().to_string();
        assert!(e.contains(said), "{e}");
    }

    // Nobody answers: the small set that is kept with the source.
    let dir = tempfile::tempdir().unwrap();
    let options = CifarOptions::default().cache(dir.path()).archive(nobody(), sum(&good), good.len() as u64);
    let cifar = get_cifar10(&options).unwrap();
    assert!(matches!(cifar.source, Source::Vendored { .. }));
    assert_eq!(cifar.names[0], "brick");
}
