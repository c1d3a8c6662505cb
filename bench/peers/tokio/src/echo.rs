// SPDX-License-Identifier: MIT

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Sends back what comes: echo-*, accept.
pub fn serve(address: &str) {
    let address = address.to_owned();
    crate::runtime().block_on(async { tokio::spawn(accept(address)).await.unwrap() });
}

async fn accept(address: String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address.parse().unwrap()).unwrap();
    // What all others ask for. TcpListener::bind has a queue of 128, and a client whom it drops tries again after seconds.
    let listener = socket.listen(4096).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(echo(stream));
    }
}

async fn echo(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut buf = [0; 2048];
    while let Ok(n) = stream.read(&mut buf).await {
        if n == 0 || stream.write_all(&buf[..n]).await.is_err() {
            return;
        }
    }
}
