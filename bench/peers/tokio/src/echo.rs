// SPDX-License-Identifier: MIT

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

/// Sends back what comes: echo-*, accept. On one processor with the scheduler that Tokio has for one thread.
pub fn serve(address: &str) {
    let address = address.to_owned();
    if crate::procs() == 1 {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(accept(address));
    } else {
        let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::spawn(accept(address)).await.unwrap() });
    }
}

async fn accept(address: String) {
    let listener = TcpListener::bind(address).await.unwrap();
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
